#include "parallel/nccl_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>

namespace phalanx {
namespace {

constexpr const char* kFile = "libnccl.so.2";
constexpr const char* kToolkitFile = "/usr/local/cuda/lib64/libnccl.so.2";

void* open_file() {
  const char* named = std::getenv("PHALANX_NCCL");
  const bool is_named = named != nullptr && *named != '\0';
  void* handle = dlopen(is_named ? named : kFile, RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr) return handle;
  const char* text = dlerror();
  const std::string reason = text != nullptr ? text : "unknown error";
  if (!is_named) handle = dlopen(kToolkitFile, RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr) return handle;
  throw UsageError(
      str("several GPUs talk through NCCL, which cannot be opened (", reason,
          "): install libnccl2 of NVIDIA's package repository, or the Python package nvidia-nccl-cu13 and set "
          "PHALANX_NCCL to its libnccl.so.2; parallel.comm: staged does without, through host memory"));
}

template <class F>
void find(void* handle, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(handle, name));
  if (function == nullptr) throw UsageError(str(kFile, " has no function ", name, "; it is too old"));
}

NcclLibrary open_library() {
  void* handle = open_file();
  NcclLibrary nccl;
  find(handle, "ncclGetVersion", nccl.get_version);
  find(handle, "ncclGetUniqueId", nccl.get_unique_id);
  find(handle, "ncclCommInitRank", nccl.comm_init_rank);
  find(handle, "ncclCommGetAsyncError", nccl.comm_get_async_error);
  find(handle, "ncclCommAbort", nccl.comm_abort);
  find(handle, "ncclCommDestroy", nccl.comm_destroy);
  find(handle, "ncclGetErrorString", nccl.get_error_string);
  find(handle, "ncclGetLastError", nccl.get_last_error);
  find(handle, "ncclGroupStart", nccl.group_start);
  find(handle, "ncclGroupEnd", nccl.group_end);
  find(handle, "ncclSend", nccl.send);
  find(handle, "ncclRecv", nccl.receive);
  find(handle, "ncclAllGather", nccl.all_gather);
  find(handle, "ncclAllReduce", nccl.all_reduce);
  find(handle, "ncclReduceScatter", nccl.reduce_scatter);
  find(handle, "ncclBroadcast", nccl.broadcast);
  return nccl;
}

}  // namespace

const NcclLibrary& nccl_library() {
  static const NcclLibrary nccl = open_library();  // stays open
  return nccl;
}

}  // namespace phalanx
