// VocabularyPart: the rows of the vocabulary that a virtual tensor shard holds.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/param_spec.h"

namespace phalanx {

struct VocabularyPart {
  std::int64_t begin = 0;
  std::int64_t valid = 0;  // rows that are true; the others are padding
};

// The part of virtual shard `shard` of `total` in a vocabulary of V.
constexpr VocabularyPart vocabulary_part(std::int64_t V, int shard, int total) {
  const std::int64_t rows = padded_vocabulary(V, total) / total;
  const std::int64_t begin = rows * shard;
  return {begin, std::clamp<std::int64_t>(V - begin, 0, rows)};
}

}  // namespace phalanx
