#include "parallel/stream_copy.h"

#include <emmintrin.h>

#include <cstring>

namespace phalanx {
namespace {

constexpr std::int64_t kLine = 64;
constexpr std::int64_t kWorthIt = 1024;  // bytes; a smaller copy is cheaper than the fence

}  // namespace

void stream_copy(std::byte* to, const std::byte* from, std::int64_t bytes) {
  const std::int64_t streamed = bytes < kWorthIt ? 0 : bytes / kLine * kLine;
  for (std::int64_t at = 0; at < streamed; at += kLine) {
    const auto* source = reinterpret_cast<const __m128i*>(from + at);
    auto* target = reinterpret_cast<__m128i*>(to + at);
    const __m128i a = _mm_loadu_si128(source);
    const __m128i b = _mm_loadu_si128(source + 1);
    const __m128i c = _mm_loadu_si128(source + 2);
    const __m128i d = _mm_loadu_si128(source + 3);
    _mm_stream_si128(target, a);
    _mm_stream_si128(target + 1, b);
    _mm_stream_si128(target + 2, c);
    _mm_stream_si128(target + 3, d);
  }
  if (streamed > 0) _mm_sfence();
  if (bytes > streamed) std::memcpy(to + streamed, from + streamed, static_cast<std::size_t>(bytes - streamed));
}

}  // namespace phalanx
