// cuDNN, opened at run time: the functions of its backend API that this project calls. Nothing links with it, so one
// build serves machines with and without it.
#pragma once

#include <cudnn_graph.h>

#include <cstddef>
#include <string>

#include "core/check.h"

namespace phalanx::ops::cudnn {

inline constexpr std::size_t kOldestVersion = 91801;  // 9.18.1: earlier ones have known faults with packed documents

struct Library {
  std::string why_not;      // empty: it can be used. Else what is missing, and how to get it
  std::size_t version = 0;  // 91900 for 9.19.0
  decltype(&cudnnGetVersion) get_version = nullptr;
  decltype(&cudnnGetErrorString) error_string = nullptr;
  decltype(&cudnnGetLastErrorString) last_error = nullptr;
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor = nullptr;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
  decltype(&cudnnBackendSetAttribute) set_attribute = nullptr;
  decltype(&cudnnBackendGetAttribute) get_attribute = nullptr;
  decltype(&cudnnBackendFinalize) finalize = nullptr;
  decltype(&cudnnBackendExecute) execute = nullptr;

  // The library's own text of an error, with what it says of the last one.
  [[nodiscard]] std::string text_of(cudnnStatus_t status) const;
};

// Looks at the first call: the file that PHALANX_CUDNN names, else libcudnn.so.9 where the loader looks, else in
// /usr/local/cuda/lib64. Never throws.
const Library& library();

}  // namespace phalanx::ops::cudnn

// Evaluates a call that returns cudnnStatus_t; throws Error when it fails.
#define CUDNN_OK(call)                                                                       \
  do {                                                                                       \
    const cudnnStatus_t phalanx_cudnn_status = (call);                                       \
    if (phalanx_cudnn_status != CUDNN_STATUS_SUCCESS) {                                      \
      FAIL_WITH(#call ": ", ::phalanx::ops::cudnn::library().text_of(phalanx_cudnn_status)); \
    }                                                                                        \
  } while (false)
