// Digests on the CPU: a multiplication of 64 bits per element, at the speed of memory.
#include <type_traits>

#include "model/ops/cpu/level_ops.h"

#include "model/ops/cpu/level_begin.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: neighbours get unlike numbers

template <class Word>
std::uint64_t sum_of(const Word* bits, std::int64_t n, std::uint64_t first) {
  std::uint64_t sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint64_t spread = (first + static_cast<std::uint64_t>(i)) * kGolden;
    sum += ((spread ^ (spread >> 29)) | 1) * bits[i];
  }
  return sum;
}

}  // namespace

void digest(const Exec& /*exec*/, const Tensor& out, const Tensor& x, std::int64_t first) {
  visit_dtype(x.dtype, [&]<class T>() {
    using Word = std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>;
    const auto begin = static_cast<std::uint64_t>(first);
    *out.as<std::int64_t>() =
        static_cast<std::int64_t>(sum_of(reinterpret_cast<const Word*>(x.data), x.count(), begin));
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
