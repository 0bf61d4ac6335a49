// Packing of a matrix into tiles: transposition or interleaving inside a tile that fits into L1, one tile after the
// other. Bytes: reads and writes the matrix once, at the speed of memory.
#include <immintrin.h>

#include <algorithm>

#include "model/ops/cpu/level_ops.h"

#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

// Where element (k, n) of B lies: at k * k_step + n * n_step.
struct Source {
  std::int64_t k_step, n_step;
};

constexpr std::int64_t kRows = 16, kColumns = 64;  // of the tiles that have a fast way

// A tile that lies wholly inside B, whose rows are `stride` elements apart: Step rows of B side by side.
template <std::int64_t Step, class Word>
void interleave_rows(Word* __restrict tile, const Word* __restrict b, std::int64_t stride) {
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (std::int64_t n = 0; n < kColumns; ++n) {
      for (std::int64_t s = 0; s < Step; ++s) tile[(r * kColumns + n) * Step + s] = b[(r * Step + s) * stride + n];
    }
  }
}

// A tile (16, 64) of 32-bit words from 64 rows of 16 words, four by four: a line of each row is read at once, for the
// rows of a wide matrix share few sets of the cache.
void transpose_words(float* __restrict tile, const float* __restrict b, std::int64_t stride) {
  for (std::int64_t n = 0; n < kColumns; n += 4) {
    for (std::int64_t k = 0; k < kRows; k += 4) {
      const float* from = b + n * stride + k;
      __m128 r0 = _mm_loadu_ps(from);
      __m128 r1 = _mm_loadu_ps(from + stride);
      __m128 r2 = _mm_loadu_ps(from + 2 * stride);
      __m128 r3 = _mm_loadu_ps(from + 3 * stride);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      float* to = tile + k * kColumns + n;
      _mm_storeu_ps(to, r0);
      _mm_storeu_ps(to + kColumns, r1);
      _mm_storeu_ps(to + 2 * kColumns, r2);
      _mm_storeu_ps(to + 3 * kColumns, r3);
    }
  }
}

template <class Word>
void pack_edge_tile(Word* tile, const Word* b, const Source& at, const TiledMatrix& t, std::int64_t ks,
                    std::int64_t ns) {
  std::fill(tile, tile + t.tile_k() * t.columns, Word{});
  for (std::int64_t k = 0; k < ks; ++k) {
    for (std::int64_t n = 0; n < ns; ++n) {
      tile[(k / t.step * t.columns + n) * t.step + k % t.step] = b[k * at.k_step + n * at.n_step];
    }
  }
}

template <class Word>
void stream_tile(Word* tile, const Word* packed, std::int64_t words) {
  constexpr std::int64_t kWords = sizeof(VecF) / sizeof(Word);
  for (std::int64_t i = 0; i < words; i += kWords) {
    stream(reinterpret_cast<float*>(tile + i), load(reinterpret_cast<const float*>(packed + i)));
  }
}

template <class Word, class PackInner>
void pack_all(const PackTiles& a, PackInner&& pack_inner) {
  const TiledMatrix& t = a.layout;
  const Source at = a.transposed ? Source{1, t.K} : Source{t.N, 1};
  const auto* b = reinterpret_cast<const Word*>(a.b);
  auto* tiles = reinterpret_cast<Word*>(a.tiles);
  const std::int64_t k_tiles = (t.K + t.tile_k() - 1) / t.tile_k();
  const std::int64_t n_tiles = (t.N + t.columns - 1) / t.columns;
  // Tile after tile along the rows in memory: whole lines are read, and the next ones are foreseen.
  const std::int64_t along = a.transposed ? k_tiles : n_tiles;
  const std::int64_t tile_words = t.tile_k() * t.columns;
  const std::int64_t bytes = k_tiles * n_tiles * tile_words * static_cast<std::int64_t>(sizeof(Word));
  const bool past_caches = worth_streaming(tiles, bytes);  // products read them much later
#pragma omp parallel
  {
    alignas(sizeof(VecF)) Word local[kRows * kColumns * sizeof(float) / sizeof(Word)];
#pragma omp for schedule(static)
    for (std::int64_t index = 0; index < k_tiles * n_tiles; ++index) {
      const std::int64_t i = a.transposed ? index / along : index % along;
      const std::int64_t j = a.transposed ? index % along : index / along;
      Word* tile = tiles + i * t.n_stride + j * t.k_stride;
      const Word* from = b + i * t.columns * at.n_step + j * t.tile_k() * at.k_step;
      const std::int64_t ks = std::min(t.tile_k(), t.K - j * t.tile_k());
      const std::int64_t ns = std::min(t.columns, t.N - i * t.columns);
      const bool inside = ks == t.tile_k() && ns == t.columns;
      if (!inside || !pack_inner(past_caches ? local : tile, from)) {
        pack_edge_tile(tile, from, at, t, ks, ns);
      } else if (past_caches) {
        stream_tile(tile, local, tile_words);
      }
    }
    finish_streams();
  }
}

}  // namespace

// Two bf16 neighbours of K that are neighbours in memory move as one word of 32 bits.
void pack_tiles(const Exec& /*exec*/, const PackTiles& a) {
  const TiledMatrix& t = a.layout;
  const std::int64_t stride = a.transposed ? t.K : t.N;
  const bool usual = t.rows == kRows && t.columns == kColumns;
  if (a.dtype == DType::bf16) {
    const bool whole_words = stride % 2 == 0 && reinterpret_cast<std::uintptr_t>(a.b) % sizeof(float) == 0;
    pack_all<std::uint16_t>(a, [&](std::uint16_t* tile, const std::uint16_t* b) {
      if (!usual || t.step != 2 || (a.transposed && !whole_words)) return false;
      if (!a.transposed) return interleave_rows<2>(tile, b, stride), true;
      transpose_words(reinterpret_cast<float*>(tile), reinterpret_cast<const float*>(b), stride / 2);
      return true;
    });
  } else {
    pack_all<float>(a, [&](float* tile, const float* b) {
      if (!usual || t.step != 1) return false;
      if (!a.transposed) return interleave_rows<1>(tile, b, stride), true;
      transpose_words(tile, b, stride);
      return true;
    });
  }
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
