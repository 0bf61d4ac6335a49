// NCCL, opened at run time: a machine that trains without it need not have it.
#pragma once

#include <nccl.h>

#include "core/check.h"

namespace phalanx {

// The calls that the project uses.
struct NcclLibrary {
  decltype(&::ncclGetVersion) get_version = nullptr;
  decltype(&::ncclGetUniqueId) get_unique_id = nullptr;
  decltype(&::ncclCommInitRank) comm_init_rank = nullptr;
  decltype(&::ncclCommGetAsyncError) comm_get_async_error = nullptr;
  decltype(&::ncclCommAbort) comm_abort = nullptr;
  decltype(&::ncclCommDestroy) comm_destroy = nullptr;
  decltype(&::ncclGetErrorString) get_error_string = nullptr;
  decltype(&::ncclGetLastError) get_last_error = nullptr;
  decltype(&::ncclGroupStart) group_start = nullptr;
  decltype(&::ncclGroupEnd) group_end = nullptr;
  decltype(&::ncclSend) send = nullptr;
  decltype(&::ncclRecv) receive = nullptr;
  decltype(&::ncclAllGather) all_gather = nullptr;
  decltype(&::ncclAllReduce) all_reduce = nullptr;
  decltype(&::ncclReduceScatter) reduce_scatter = nullptr;
  decltype(&::ncclBroadcast) broadcast = nullptr;
};

// The file that PHALANX_NCCL names, else libnccl.so.2 where the loader looks or in the CUDA toolkit; throws UsageError
// saying how to get it, or what to set, where it cannot be opened.
const NcclLibrary& nccl_library();

}  // namespace phalanx

// Evaluates a call that returns ncclResult_t; throws Error with NCCL's own words when it fails.
#define NCCL_OK(call)                                                                              \
  do {                                                                                             \
    const ncclResult_t phalanx_nccl_result = (call);                                               \
    if (phalanx_nccl_result != ncclSuccess) {                                                      \
      FAIL_WITH(#call ": ", ::phalanx::nccl_library().get_error_string(phalanx_nccl_result), ": ", \
                ::phalanx::nccl_library().get_last_error(nullptr));                                \
    }                                                                                              \
  } while (false)
