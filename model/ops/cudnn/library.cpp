// Finds and opens cuDNN.
#include "model/ops/cudnn/library.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <vector>

namespace phalanx::ops::cudnn {
namespace {

constexpr const char* kHowTo =
    "install cuDNN 9 (pip install nvidia-cudnn-cu13, or NVIDIA's package cudnn9-cuda-13) and put its folder into "
    "LD_LIBRARY_PATH, or name the file in PHALANX_CUDNN";

std::vector<std::string> places() {
  if (const char* named = std::getenv("PHALANX_CUDNN"); named != nullptr && *named != '\0') return {named};
  return {"libcudnn.so.9", "/usr/local/cuda/lib64/libcudnn.so.9"};
}

template <class F>
bool find(void* handle, const char* name, F*& function) {
  function = reinterpret_cast<F*>(dlsym(handle, name));
  return function != nullptr;
}

bool find_all(void* handle, Library& l) {
  return find(handle, "cudnnGetVersion", l.get_version) && find(handle, "cudnnGetErrorString", l.error_string) &&
         find(handle, "cudnnGetLastErrorString", l.last_error) && find(handle, "cudnnCreate", l.create) &&
         find(handle, "cudnnSetStream", l.set_stream) &&
         find(handle, "cudnnBackendCreateDescriptor", l.create_descriptor) &&
         find(handle, "cudnnBackendDestroyDescriptor", l.destroy_descriptor) &&
         find(handle, "cudnnBackendSetAttribute", l.set_attribute) &&
         find(handle, "cudnnBackendGetAttribute", l.get_attribute) &&
         find(handle, "cudnnBackendFinalize", l.finalize) && find(handle, "cudnnBackendExecute", l.execute);
}

std::string version_text(std::size_t version) {
  return str(version / 10000, ".", version / 100 % 100, ".", version % 100);
}

Library open_library() {
  Library l;
  for (const std::string& place : places()) {
    void* handle = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* error = dlerror();
      l.why_not = str(error != nullptr ? error : place, ": ", kHowTo);
      continue;
    }
    if (!find_all(handle, l)) {
      l.why_not = str(place, " is not cuDNN 9: ", kHowTo);
      continue;
    }
    l.version = l.get_version();
    l.why_not.clear();
    if (l.version < kOldestVersion) {
      l.why_not = str(place, " is version ", version_text(l.version), ", needed is ", version_text(kOldestVersion),
                      " or newer: ", kHowTo);
    }
    return l;
  }
  return l;
}

}  // namespace

std::string Library::text_of(cudnnStatus_t status) const {
  std::array<char, 512> message{};
  last_error(message.data(), message.size());
  return str(error_string(status), message.front() == '\0' ? "" : ", ", message.data());
}

const Library& library() {
  static const Library the_library = open_library();  // stays open: it holds code and, in its libraries, state
  return the_library;
}

}  // namespace phalanx::ops::cudnn
