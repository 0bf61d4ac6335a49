// Dropout on the device: the numbers of core/random.h, so that masks are the CPU's.
#pragma once

#include <cstdint>

#include "core/random.h"
#include "model/ops/cuda/pack.cuh"
#include "model/ops/exec.h"

namespace phalanx::ops::cuda {

// What a kernel needs of a Dropout: rows of C elements, row n being token n % T of sequence n / T.
struct Dropper {
  float rate = 0.0F;  // 0: keeps everything
  float scale = 1.0F;
  std::uint32_t threshold = 0;
  std::uint64_t seed = 0;
  Purpose purpose{};
  std::uint16_t layer = 0;
  const std::int64_t* sequences = nullptr;
  std::int64_t T = 1;
  std::int64_t C = 1;
};

inline Dropper make_dropper(const Dropout& dropout, std::int64_t N, std::int64_t C) {
  if (dropout.rate == 0.0F) return {};
  return {dropout.rate,
          1.0F / (1.0F - dropout.rate),
          dropout_threshold(dropout.rate),
          dropout.seed,
          dropout.purpose,
          dropout.layer,
          dropout.sequences.as<std::int64_t>(),
          N / dropout.sequences.count(),
          C};
}

// Elements c to c + width - 1 of row n, dropped or scaled.
template <int width>
__device__ inline void drop(const Dropper& d, Floats<width>& values, std::int64_t n, std::int64_t c) {
  if (d.rate == 0.0F) return;
  const RandomKey key{d.seed, d.purpose, d.layer, static_cast<std::uint64_t>(d.sequences[n / d.T])};
  const auto first = static_cast<std::uint64_t>(n % d.T * d.C + c);
  Random4 bits{};
  for (int i = 0; i < width; ++i) {
    const std::uint64_t index = first + static_cast<std::uint64_t>(i);
    if (i == 0 || index % 4 == 0) bits = random_block(key, index / 4);
    values[i] = bits[index % 4] < d.threshold ? 0.0F : values[i] * d.scale;
  }
}

}  // namespace phalanx::ops::cuda
