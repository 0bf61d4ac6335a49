#include "parallel/nccl_library.h"

#include <dlfcn.h>

namespace phalanx {
namespace {

constexpr const char* kFile = "libnccl.so.2";

void* open_file() {
  void* handle = dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr) return handle;
  const char* reason = dlerror();
  throw UsageError(
      str("several GPUs talk through NCCL, and ", kFile, " cannot be opened (",
          reason != nullptr ? reason : "unknown error",
          "): install libnccl2 of NVIDIA's package repository, or the Python package nvidia-nccl-cu13 and "
          "add its lib folder to LD_LIBRARY_PATH; parallel.comm: staged does without, through host memory"));
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
