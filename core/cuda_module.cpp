#include "core/cuda_module.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "core/check.h"
#include "core/device_backend.h"

namespace phalanx {
namespace {

namespace fs = std::filesystem;
constexpr const char* kFile = "libphalanx_cuda.so";

// Where the module is; empty: nowhere.
fs::path find_module() {
  if (const char* named = std::getenv("PHALANX_CUDA_MODULE"); named != nullptr && *named != '\0') return named;
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& path : {folder / kFile, folder / "../lib/phalanx" / kFile}) {
    if (!error && fs::exists(path, error)) return path;
  }
  return {};
}

std::string last_error() {
  const char* text = dlerror();
  return text != nullptr ? text : "unknown error";
}

CudaStatus open_module() {
  const fs::path path = find_module();
  if (path.empty()) return {nullptr, "this build has no CUDA module"};
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return {nullptr, str("the CUDA module cannot be opened: ", last_error())};
  const auto function = reinterpret_cast<CudaModuleFunction>(dlsym(handle, kCudaModuleFunction));
  if (function == nullptr) return {nullptr, str(path.string(), " is no CUDA module: ", last_error())};
  const CudaModule* module = function();
  if (module->version != CudaModule::kVersion) {
    return {nullptr, str(path.string(), " has version ", module->version, ", this program needs ", CudaModule::kVersion,
                         ": build both together")};
  }
  if (std::string reason = module->device->unusable(); !reason.empty()) return {nullptr, std::move(reason)};
  return {module, {}};
}

}  // namespace

const CudaStatus& cuda_status() {
  static const CudaStatus status = open_module();  // stays open: it holds code and, in its libraries, state
  return status;
}

const CudaModule& cuda_module() {
  const CudaStatus& status = cuda_status();
  if (status.module == nullptr) throw UsageError(str("no CUDA device can be used: ", status.why_not));
  return *status.module;
}

}  // namespace phalanx
