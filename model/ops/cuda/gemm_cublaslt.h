// Matrix products by cuBLASLt on row-major matrices: C (M, N) = op(A) (M, K) op(B) (K, N), fp32 sums.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops::cuda {

// One product by its shape and types; equal ones share a prepared plan.
struct Gemm {
  std::int64_t M = 0, N = 0, K = 0;
  bool a_transposed = false;                      // A is stored (K, M)
  bool b_transposed = false;                      // B is stored (N, K)
  DType in = DType::bf16;                         // A, B and the bias
  DType out = DType::bf16;                        // C
  bool accumulate = false;                        // C += instead of C =
  bool bias = false;                              // adds a row (N) to every row of C
  auto operator<=>(const Gemm&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 errs here
};

// Enqueues on exec.stream, with 32 MiB of exec.workspace. Throws Error naming the shape when cuBLASLt has no algorithm.
void multiply(const Exec& exec, const Gemm& gemm, const std::byte* a, const std::byte* b, std::byte* c,
              const std::byte* bias = nullptr);

}  // namespace phalanx::ops::cuda
