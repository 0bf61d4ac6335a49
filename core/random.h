// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A number is a pure function of (seed, purpose, layer, position, index), so every layout,
// micro-batch and device draws the same ones, in any order, without state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace phalanx {

enum class Purpose : std::uint8_t {
  initial_values = 1,
  embedding_dropout = 2,
  attention_dropout = 3,
  residual_dropout_attention = 4,
  residual_dropout_mlp = 5,
  masking = 6,
  sample_order = 7,
  source_order = 8,
  next_sentence = 9,
  generation = 10,
  benchmark_tokens = 11,
  data_split = 12,
};

// What a stream of random numbers belongs to. What `layer` (16 bits) and `position` (40 bits) mean, by purpose:
//   initial_values              ordinal of the parameter in its table; 0
//   dropout, masking and        layer, 0 for the embedding; ordinal of the sequence in the run
//   next_sentence
//   source_order                0; ordinal of the block of samples
//   sample_order                ordinal of the source in data.train; its epoch
//   benchmark_tokens            0; ordinal of the sequence
//   generation, data_split      0; 0
struct RandomKey {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::initial_values;
  std::uint16_t layer = 0;
  std::uint64_t position = 0;
};

using Random4 = std::array<std::uint32_t, 4>;

// Ten rounds of Philox4x32 on counter `c` under `seed`.
constexpr Random4 philox4x32_10(Random4 c, std::uint64_t seed) {
  auto k0 = static_cast<std::uint32_t>(seed);
  auto k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

// Four numbers for block `block` of a key. Counter, from the lowest word: index (64 bits), then
// purpose (8) | layer (16) | position (40).
constexpr Random4 random_block(const RandomKey& key, std::uint64_t block) {
  const std::uint64_t high = (std::uint64_t{static_cast<std::uint8_t>(key.purpose)} << 56) |
                             (std::uint64_t{key.layer} << 40) | (key.position & 0xFFFFFFFFFFULL);
  return philox4x32_10({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                        static_cast<std::uint32_t>(high), static_cast<std::uint32_t>(high >> 32)},
                       key.seed);
}

// The 32 random bits of element `index`: lane index % 4 of block index / 4.
constexpr std::uint32_t random_u32(const RandomKey& key, std::uint64_t index) {
  return random_block(key, index / 4)[index % 4];
}

constexpr std::uint64_t random_u64(const RandomKey& key, std::uint64_t index) {
  const Random4 r = random_block(key, index / 2);
  const std::size_t lane = 2 * (index % 2);
  return (std::uint64_t{r[lane + 1]} << 32) | r[lane];
}

// Uniform in [0, 1) with 24 bits.
constexpr float uniform_from_bits(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1.0p-24F; }

// Dropout: an element is dropped when its 32 bits are below this threshold. rate in [0, 1).
constexpr std::uint32_t dropout_threshold(float rate) {
  return static_cast<std::uint32_t>(static_cast<double>(rate) * 4294967296.0);
}

// Standard normals of elements [first, first + count) of a key, times `std`: Box-Muller in fp32 on the two pairs of
// lanes of block element / 4 (even elements take the cosine, odd ones the sine); |z| <= 5.77. Polynomials of our own,
// so that the bits do not depend on the maths library; no fused operations.
void fill_normal(const RandomKey& key, std::uint64_t first, std::int64_t count, float std, float* out);

}  // namespace phalanx
