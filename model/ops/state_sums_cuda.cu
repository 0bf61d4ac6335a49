// Sums of integers over state on the GPU: digests, largest magnitudes, exact sums of squares. Integers are added in any
// order, so blocks add to the result by atomics and the bits stay the same.
#include <cmath>

#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/pack.cuh"
#include "model/ops/cuda/reduce.cuh"
#include "model/ops/exact_sum.h"

namespace phalanx::ops::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kPerBlock = 4096;  // elements

using Word64 = unsigned long long;  // what atomicAdd and atomicMax take

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;  // digest_cpu.cpp

// out += sum of bits times the factor of their index (digest.h). 2 or 4 bytes per element.
template <class Word>
__global__ void digest_blocks(Word64* out, const Word* bits, DigestIndex index, std::int64_t n) {
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kPerBlock;
  const std::int64_t end = begin + kPerBlock < n ? begin + kPerBlock : n;
  Word64 sum = 0;
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const std::int64_t k = index.begin + i;
    const auto where = static_cast<std::uint64_t>(k / index.block * index.stride + index.offset + k % index.block);
    sum += ((where * kGolden >> 32) | 1) * static_cast<std::uint64_t>(bits[i]);
  }
  sum = block_reduce(sum, Add{});
  if (threadIdx.x == 0) atomicAdd(out, sum);
}

// out = max(out, bits of |x|). 4 bytes per element.
__global__ void largest_magnitude_blocks(Word64* out, const std::uint32_t* bits, std::int64_t n) {
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kPerBlock;
  const std::int64_t end = begin + kPerBlock < n ? begin + kPerBlock : n;
  std::uint32_t largest = 0;
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const std::uint32_t magnitude = bits[i] & 0x7FFFFFFFU;
    largest = magnitude > largest ? magnitude : largest;
  }
  largest = block_reduce(largest, Max{});
  if (threadIdx.x == 0) atomicMax(out, static_cast<Word64>(largest));
}

// limbs += (x 2^-exponent)² cut into multiples of 2^-40 and 2^-80 as exact_sum_cpu.cpp does: the same integers. 4 bytes
// per element, a dozen operations of fp64.
__global__ void exact_squares_blocks(Word64* limbs, const float* x, double scale, std::int64_t n) {
  constexpr double kCoarse = 0x1.8p12;
  constexpr double kFine = 0x1.8p-28;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kPerBlock;
  const std::int64_t end = begin + kPerBlock < n ? begin + kPerBlock : n;
  double coarse = 0.0;
  double fine = 0.0;
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const double y = static_cast<double>(x[i]) * scale;
    const double square = y * y;
    const double q = __dadd_rn(__dadd_rn(square, kCoarse), -kCoarse);
    const double rest = __dadd_rn(square, -q);
    coarse += q;
    fine += __dadd_rn(__dadd_rn(rest, kFine), -kFine);
  }
  const auto coarse_units = static_cast<std::int64_t>(block_reduce(coarse, Add{}) * 0x1p40);
  const auto fine_units = static_cast<std::int64_t>(block_reduce(fine, Add{}) * 0x1p80);
  if (threadIdx.x != 0) return;
  constexpr std::int64_t kLow = (std::int64_t{1} << 26) - 1;
  atomicAdd(limbs, static_cast<Word64>(coarse_units >> 26));
  atomicAdd(limbs + 1, static_cast<Word64>(coarse_units & kLow));
  atomicAdd(limbs + 2, static_cast<Word64>(fine_units >> 26));
  atomicAdd(limbs + 3, static_cast<Word64>(fine_units & kLow));
}

Launch by_blocks(std::int64_t n) { return {divide_up(n, kPerBlock), kThreads}; }

// Where the blocks add up, zeroed.
Word64* cleared(const Exec& exec, const Tensor& out) {
  fill_zero(out, exec.stream);
  return reinterpret_cast<Word64*>(out.as<std::int64_t>());
}

}  // namespace

void digest(const Exec& exec, const Tensor& out, const Tensor& x, const DigestIndex& index) {
  visit_dtype(x.dtype, [&]<class T>() {
    using Word = std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>;
    launch(digest_blocks<Word>, by_blocks(x.count()), exec.stream, cleared(exec, out),
           reinterpret_cast<const Word*>(x.data), index, x.count());
  });
}

void largest_magnitude(const Exec& exec, const Tensor& out, const Tensor& x) {
  launch(largest_magnitude_blocks, by_blocks(x.count()), exec.stream, cleared(exec, out),
         reinterpret_cast<const std::uint32_t*>(x.data), x.count());
}

void exact_sum_of_squares(const Exec& exec, const Tensor& out, const Tensor& x, int exponent) {
  launch(exact_squares_blocks, by_blocks(x.count()), exec.stream, cleared(exec, out), x.as<float>(),
         std::ldexp(1.0, -exponent), x.count());
}

}  // namespace phalanx::ops::cuda
