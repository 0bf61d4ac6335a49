// Errors of CUDA calls, with the call and the library's own text.
#pragma once

#include <cuda_runtime.h>

#include "core/check.h"

// Evaluates a call that returns cudaError_t; throws Error when it fails.
#define CUDA_OK(call)                                                \
  do {                                                               \
    const cudaError_t phalanx_cuda_error = (call);                   \
    if (phalanx_cuda_error != cudaSuccess) {                         \
      FAIL_WITH(#call ": ", cudaGetErrorString(phalanx_cuda_error)); \
    }                                                                \
  } while (false)
