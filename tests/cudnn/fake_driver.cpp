// A driver for no GPU: what cuDNN and the run-time compiler ask of libcuda.so.1 when they compile a plan for a
// described device. Loading a module succeeds, with nothing behind it; every other function of the driver answers with
// the error of the toolkit's stub library.
#include <dlfcn.h>

#include <array>
#include <cstdint>

namespace {

constexpr int kSuccess = 0;
constexpr int kNotFound = 500;
constexpr int kStub = 34;

int answer(void** object) {
  static std::array<std::int64_t, 64> nothing{};
  *object = nothing.data();
  return kSuccess;
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): the driver's names.
extern "C" {

int cuGetProcAddress_v2(const char* name, void** function, int /*version*/, std::uint64_t /*flags*/, int* status) {
  *function = dlsym(dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD), name);
  if (status != nullptr) *status = *function != nullptr ? 0 : 1;
  return *function != nullptr ? kSuccess : kNotFound;
}
int cuGetProcAddress(const char* name, void** function, int version, std::uint64_t flags) {
  return cuGetProcAddress_v2(name, function, version, flags, nullptr);
}
int cuLibraryLoadData(void** object) { return answer(object); }
int cuLibraryGetKernel(void** object) { return answer(object); }
int cuLibraryGetModule(void** object) { return answer(object); }
int cuLibraryUnload() { return kSuccess; }
int cuKernelGetFunction(void** object) { return answer(object); }
int cuKernelSetAttribute() { return kSuccess; }
int cuKernelGetAttribute() { return kSuccess; }
int cuModuleLoadData(void** object) { return answer(object); }
int cuModuleGetFunction(void** object) { return answer(object); }
int cuModuleUnload() { return kSuccess; }
int cuFuncSetAttribute() { return kSuccess; }
int cuFuncGetAttribute() { return kSuccess; }

#define PHALANX_STUB(name) \
  int name() { return kStub; }
#include "driver_names.inc"

}  // extern "C"
// NOLINTEND(readability-identifier-naming)
