// Philox4x32-10 over lanes: the same numbers as random_u32 of core/random.h, many at once, and dropout by them.
// Included in the level region.
#pragma once

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"

#include "model/ops/cpu/intrinsics_begin.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

inline constexpr int kRandomGroup = 2 * kLanes;  // numbers made at a time: kLanes / 2 blocks of 4

// Words in 64-bit lanes: only the lower half of each lane counts, so nothing needs to be cleared in between.
#if PHALANX_CPU_V4
inline VecU wide_product(VecU a, VecU b) { return _mm512_mul_epu32(a, b); }
inline VecU upper_half(VecU v) { return _mm512_srli_epi64(v, 32); }
inline VecU in_upper_half(VecU v) { return _mm512_slli_epi64(v, 32); }
inline VecU lower_half(VecU v) { return _mm512_and_si512(v, _mm512_set1_epi64(0xFFFFFFFF)); }
inline VecU set_u64(std::uint64_t v) { return _mm512_set1_epi64(static_cast<long long>(v)); }
inline VecU add_u64(VecU a, VecU b) { return _mm512_add_epi64(a, b); }
// Lane 2 i holds block i, lane 2 i + 1 block 4 + i, so that unpacking leaves the numbers in order.
inline VecU block_numbers() { return _mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0); }
inline VecU pairs_of_first_blocks(VecU a, VecU b) { return _mm512_unpacklo_epi64(a, b); }
inline VecU pairs_of_last_blocks(VecU a, VecU b) { return _mm512_unpackhi_epi64(a, b); }
#else
inline VecU wide_product(VecU a, VecU b) { return _mm256_mul_epu32(a, b); }
inline VecU upper_half(VecU v) { return _mm256_srli_epi64(v, 32); }
inline VecU in_upper_half(VecU v) { return _mm256_slli_epi64(v, 32); }
inline VecU lower_half(VecU v) { return _mm256_and_si256(v, _mm256_set1_epi64x(0xFFFFFFFF)); }
inline VecU set_u64(std::uint64_t v) { return _mm256_set1_epi64x(static_cast<long long>(v)); }
inline VecU add_u64(VecU a, VecU b) { return _mm256_add_epi64(a, b); }
inline VecU block_numbers() { return _mm256_set_epi64x(3, 1, 2, 0); }
inline VecU pairs_of_first_blocks(VecU a, VecU b) { return _mm256_unpacklo_epi64(a, b); }
inline VecU pairs_of_last_blocks(VecU a, VecU b) { return _mm256_unpackhi_epi64(a, b); }
#endif

// A key taken apart as the counter and the rounds want it.
struct RandomStream {
  std::uint64_t key_words = 0;  // upper half of the counter
  std::uint64_t seed = 0;
};
inline RandomStream random_stream(const Dropout& dropout, std::int64_t sequence) {
  const auto position = static_cast<std::uint64_t>(sequence) & 0xFFFFFFFFFFULL;
  return {(std::uint64_t{static_cast<std::uint8_t>(dropout.purpose)} << 56) | (std::uint64_t{dropout.layer} << 40) |
              position,
          dropout.seed};
}

// The kRandomGroup numbers from block `block` on.
inline void random_group(const RandomStream& stream, std::uint64_t block, std::uint32_t* out) {
  const VecU index = add_u64(set_u64(block), block_numbers());
  VecU c0 = index;
  VecU c1 = upper_half(index);
  VecU c2 = set_u64(stream.key_words);
  VecU c3 = set_u64(stream.key_words >> 32);
  auto k0 = static_cast<std::uint32_t>(stream.seed);
  auto k1 = static_cast<std::uint32_t>(stream.seed >> 32);
  const VecU m0 = set_u64(0xD2511F53);
  const VecU m1 = set_u64(0xCD9E8D57);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const VecU p0 = wide_product(m0, c0);
    const VecU p1 = wide_product(m1, c2);
    c0 = upper_half(p1) ^ c1 ^ set_u64(k0);
    c1 = p1;
    c2 = upper_half(p0) ^ c3 ^ set_u64(k1);
    c3 = p0;
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  const VecU first = lower_half(c0) | in_upper_half(c1);   // numbers 0 and 1 of each block
  const VecU second = lower_half(c2) | in_upper_half(c3);  // numbers 2 and 3
  store(out, pairs_of_first_blocks(first, second));
  store(out + kLanes, pairs_of_last_blocks(first, second));
}

// Space for the numbers of up to `count` elements from any index on.
constexpr std::int64_t random_buffer_size(std::int64_t count) { return count + 3 + kRandomGroup; }

// Fills `buffer` with the random bits of elements [first, first + count); returns where those of `first` stand.
inline const std::uint32_t* random_bits(const RandomStream& stream, std::uint64_t first, std::int64_t count,
                                        std::uint32_t* buffer) {
  const auto skipped = static_cast<std::int64_t>(first % 4);
  for (std::int64_t i = 0; i < skipped + count; i += kRandomGroup) {
    random_group(stream, first / 4 + static_cast<std::uint64_t>(i / 4), buffer + i);
  }
  return buffer + skipped;
}

// Drops elements whose bits lie below the threshold of the rate and scales the others by 1 / (1 - rate).
struct Dropper {
  VecU threshold;
  VecF scale;
  VecF operator()(VecF value, const std::uint32_t* bits) const {
    return keep(at_least(load(bits), threshold), value * scale);
  }
};
inline Dropper make_dropper(float rate) { return {set_u32(dropout_threshold(rate)), set(1.0F / (1.0F - rate))}; }

// for_lanes over the elements [first, first + n) of a stream: f(i, lanes, bits), `bits` from element first + i on.
template <class F>
inline void for_lanes_with_bits(const RandomStream& stream, std::uint64_t first, std::int64_t n, F&& f) {
  constexpr std::int64_t kChunk = 512;
  alignas(64) std::uint32_t buffer[random_buffer_size(kChunk)];
  for (std::int64_t begin = 0; begin < n; begin += kChunk) {
    const std::int64_t count = n - begin < kChunk ? n - begin : kChunk;
    const std::uint32_t* bits = random_bits(stream, first + static_cast<std::uint64_t>(begin), count, buffer);
    for_lanes(count, [&](std::int64_t i, auto lanes) { f(begin + i, lanes, bits + i); });
  }
}

// Where the rows of an (N, C) tensor draw from: row n is token n % T of sequence n / T, T = N / sequences.
struct RowStreams {
  const Dropout* dropout;
  std::int64_t T;
  std::int64_t C;
  [[nodiscard]] RandomStream stream(std::int64_t n) const {
    return random_stream(*dropout, dropout->sequences.as<std::int64_t>()[n / T]);
  }
  [[nodiscard]] std::uint64_t first(std::int64_t n) const { return static_cast<std::uint64_t>(n % T * C); }
};
inline RowStreams row_streams(const Dropout& dropout, std::int64_t N, std::int64_t C) {
  return {&dropout, dropout.rate > 0.0F ? N / dropout.sequences.count() : 1, C};
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/intrinsics_end.h"
