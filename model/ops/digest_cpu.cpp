// Digests on the CPU, at the speed of memory: a product of two 32-bit numbers per element.
#include <algorithm>
#include <type_traits>

#include "model/ops/cpu/level_ops.h"

#include "model/ops/cpu/level_begin.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr std::int64_t kBlock = 16384;                 // elements that a thread takes at a time
constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: neighbours get unlike numbers

// Elements with indices from `first` on. A factor has 32 bits, so no product of it and a difference of two words is a
// multiple of 2^64.
template <class Word>
std::uint64_t sum_of_run(const Word* bits, std::int64_t n, std::uint64_t first) {
  std::uint64_t sum = 0;
  std::uint64_t spread = first * kGolden;
  for (std::int64_t i = 0; i < n; ++i, spread += kGolden) sum += ((spread >> 32) | 1) * bits[i];
  return sum;
}

template <class Word>
std::uint64_t sum_of_runs(const Word* bits, std::int64_t begin, std::int64_t end, const DigestIndex& index) {
  std::uint64_t sum = 0;
  for (std::int64_t i = begin; i < end;) {
    const std::int64_t row = (index.begin + i) / index.block;
    const std::int64_t column = (index.begin + i) % index.block;
    const std::int64_t n = std::min(end - i, index.block - column);
    sum += sum_of_run(bits + i, n, static_cast<std::uint64_t>(row * index.stride + index.offset + column));
    i += n;
  }
  return sum;
}

template <class Word>
std::uint64_t sum_of(const Word* bits, std::int64_t n, const DigestIndex& index) {
  std::uint64_t sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum)
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    sum += sum_of_runs(bits, begin, std::min(begin + kBlock, n), index);
  }
  return sum;
}

}  // namespace

void digest(const Exec& /*exec*/, const Tensor& out, const Tensor& x, const DigestIndex& index) {
  visit_dtype(x.dtype, [&]<class T>() {
    using Word = std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>;
    *out.as<std::int64_t>() =
        static_cast<std::int64_t>(sum_of(reinterpret_cast<const Word*>(x.data), x.count(), index));
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
