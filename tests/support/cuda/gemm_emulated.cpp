// What stands in for cuBLASLt: plain loops, sums in fp32 in order.
#include "core/dtype.h"
#include "model/ops/cuda/gemm_cublaslt.h"
#include "model/ops/linear_scratch.h"
#include "tests/support/cuda/device_memory.h"

namespace phalanx::ops::cuda {
namespace {

float element(const std::byte* data, DType dtype, std::int64_t i) {
  return dtype == DType::f32 ? reinterpret_cast<const float*>(data)[i]
                             : static_cast<float>(reinterpret_cast<const bf16*>(data)[i]);
}

void put(std::byte* data, DType dtype, std::int64_t i, float value) {
  if (dtype == DType::f32) {
    reinterpret_cast<float*>(data)[i] = value;
  } else {
    reinterpret_cast<bf16*>(data)[i] = bf16(value);
  }
}

}  // namespace

void multiply(const Exec& exec, const Gemm& g, const std::byte* a, const std::byte* b, std::byte* c,
              const std::byte* bias) {
  const emulator::DeviceAccess access;
  Scratch scratch(*exec.workspace);
  take_product_workspace(scratch);
  for (std::int64_t m = 0; m < g.M; ++m) {
    for (std::int64_t n = 0; n < g.N; ++n) {
      float sum = 0.0F;
      for (std::int64_t k = 0; k < g.K; ++k) {
        sum += element(a, g.in, g.a_transposed ? k * g.M + m : m * g.K + k) *
               element(b, g.in, g.b_transposed ? n * g.K + k : k * g.N + n);
      }
      if (g.bias) sum += element(bias, g.in, n);
      put(c, g.out, m * g.N + n, g.accumulate ? element(c, g.out, m * g.N + n) + sum : sum);
    }
  }
}

}  // namespace phalanx::ops::cuda
