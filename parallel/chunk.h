// How the sum of a large buffer is cut: into chunks that stay in cache, each chunk into one part per rank. Arithmetic
// only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/dtype.h"

namespace phalanx {

// A chunk of a buffer, in elements. Rank r computes [at(r), at(r + 1)); the last parts may be shorter or empty.
struct Chunk {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t per_rank = 0;
  [[nodiscard]] constexpr std::int64_t at(int rank) const { return std::min(begin + rank * per_rank, end); }
  [[nodiscard]] constexpr std::int64_t count(int rank) const { return at(rank + 1) - at(rank); }
};

class Chunking {
 public:
  static constexpr std::int64_t kLine = 64;  // bytes; parts begin at cache lines of the chunk

  // part_bytes: most that one rank computes of a chunk; a multiple of kLine.
  constexpr Chunking(DType dtype, std::int64_t count, int ranks, std::int64_t part_bytes)
      : count_(count), ranks_(ranks), line_(kLine / bytes_of(dtype)), chunk_(part_bytes / bytes_of(dtype) * ranks) {}

  [[nodiscard]] constexpr std::int64_t chunks() const { return (count_ + chunk_ - 1) / chunk_; }
  [[nodiscard]] constexpr Chunk operator[](std::int64_t index) const {
    const std::int64_t begin = index * chunk_;
    const std::int64_t n = std::min(chunk_, count_ - begin);
    const std::int64_t lines = (n + line_ * ranks_ - 1) / (line_ * ranks_);
    return {begin, begin + n, lines * line_};
  }

 private:
  std::int64_t count_;
  int ranks_;
  std::int64_t line_;   // elements
  std::int64_t chunk_;  // elements
};
static_assert(Chunking(DType::f32, 100, 4, 128).chunks() == 1 && Chunking(DType::f32, 129, 4, 128).chunks() == 2);
static_assert(Chunking(DType::f32, 100, 4, 128)[0].count(0) == 32 &&
              Chunking(DType::f32, 100, 4, 128)[0].count(3) == 4);

// Bytes of one rank's part: about chunk_bytes / ranks, whole lines.
constexpr std::int64_t part_bytes_of(std::int64_t chunk_bytes, int ranks) {
  const std::int64_t lines = chunk_bytes / ranks / Chunking::kLine;
  return std::max<std::int64_t>(lines, 1) * Chunking::kLine;
}

}  // namespace phalanx
