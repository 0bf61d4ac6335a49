// One head of attention, prepared for the products: which keys each query sees, and its rows as panels of words.
// Included in the level region.
#pragma once

#include "model/ops/cpu/product_tile.h"
#include "model/ops/cpu/rows.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

// Keys [begin, end); empty: 0, 0. Every mask there is (causal, window, documents) leaves one such range per query.
struct KeyRange {
  std::int32_t begin;
  std::int32_t end;
};

// Ranges of the T_padded queries of sequence b. Document bounds come from input: they are cut to [0, T].
inline void find_visible_keys(KeyRange* visible, const AttentionMask& mask, std::int64_t b, const HeadSizes& sizes) {
  const auto T = static_cast<std::int32_t>(sizes.T);
  const bool documents = mask.document_begin.defined();
  const std::int32_t* document_begin = documents ? mask.document_begin.as<std::int32_t>() + b * T : nullptr;
  const std::int32_t* document_end = documents ? mask.document_end.as<std::int32_t>() + b * T : nullptr;
  for (std::int32_t t = 0; t < T; ++t) {
    std::int32_t begin = documents ? std::max(document_begin[t], 0) : 0;
    std::int32_t end = documents ? std::min(document_end[t], T) : T;
    if (mask.causal) end = std::min(end, t + 1);
    if (mask.window > 0 && mask.window < T) {
      begin = std::max(begin, t - mask.window);
      end = std::min(end, t + mask.window + 1);
    }
    visible[t] = begin < end ? KeyRange{begin, end} : KeyRange{0, 0};
  }
  std::fill(visible + T, visible + sizes.T_padded, KeyRange{0, 0});
}

// Where a block of queries meets a block of keys, in columns of the key block: for each tile of four queries the
// columns that any of them sees. Columns outside a tile's range are neither computed nor read.
struct BlockMask {
  static constexpr std::int64_t kTiles = kAttentionBlock / kTileRows;
  KeyRange tiles[kTiles];
  bool empty = true;

  BlockMask(const KeyRange* visible, std::int64_t first_query, std::int64_t first_key) {
    for (std::int64_t tile = 0; tile < kTiles; ++tile) {
      KeyRange all{kAttentionBlock, 0};
      for (std::int64_t m = 0; m < kTileRows; ++m) {
        const KeyRange row = columns_of(visible[first_query + tile * kTileRows + m], first_key);
        if (row.begin >= row.end) continue;
        all.begin = std::min(all.begin, row.begin);
        all.end = std::max(all.end, row.end);
      }
      tiles[tile] = all.begin < all.end ? all : KeyRange{0, 0};
      empty = empty && all.begin >= all.end;
    }
  }

  static KeyRange columns_of(const KeyRange& keys, std::int64_t first_key) {
    const auto first = static_cast<std::int32_t>(first_key);
    return {std::max(keys.begin - first, 0), std::min(keys.end - first, std::int32_t{kAttentionBlock})};
  }
};

// Whole registers around a range of columns.
inline std::int64_t register_begin(const KeyRange& columns) { return columns.begin / kLanes * kLanes; }
inline std::int64_t register_end(const KeyRange& columns) { return (columns.end + kLanes - 1) / kLanes * kLanes; }

// Lanes of the register at `column` that lie in `row`.
inline Mask lanes_inside(const KeyRange& row, std::int64_t column) {
  const VecF lane = lane_numbers() + set(static_cast<float>(column));
  return both(less(set(static_cast<float>(row.begin) - 0.5F), lane),
              less(lane, set(static_cast<float>(row.end) - 0.5F)));
}

// Register d of a row of HS elements, zeros behind its end.
template <class T>
inline VecF load_padded(const T* row, std::int64_t d, std::int64_t HS) {
  if (d + kLanes <= HS) return load(row + d);
  return d < HS ? load(row + d, FirstLanes{HS - d}) : set(0.0F);
}

// Rows of a head lie pages apart, where the processor does not foresee them.
constexpr std::int64_t kRowsAhead = 12;
template <class T>
inline void prefetch_row(const T* row, std::int64_t HS) {
  for (std::int64_t d = 0; d < HS; d += static_cast<std::int64_t>(64 / sizeof(T))) __builtin_prefetch(row + d);
}

// A left panel of the T rows at `from`, `stride` elements apart.
template <class T>
inline void pack_left(float* panel, const T* from, std::int64_t stride, const HeadSizes& sizes) {
  constexpr int step = kStep<T>;
  for (std::int64_t t = 0; t < sizes.T; ++t) {
    float* row = panel + t * sizes.row_words();
    if (t + kRowsAhead < sizes.T) prefetch_row(from + (t + kRowsAhead) * stride, sizes.HS);
    for (std::int64_t d = 0; d < sizes.HS_padded; d += kLanes) {
      store_words<step>(row + d / step, load_padded(from + t * stride, d, sizes.HS));
    }
  }
  std::fill(panel + sizes.T * sizes.row_words(), panel + sizes.panel(), 0.0F);
}

#if PHALANX_CPU_BF16
// A right panel of pairs.
inline void pack_right(float* panel, const bf16* from, std::int64_t stride, const HeadSizes& sizes) {
  for (std::int64_t t = 0; t < sizes.T; t += 2) {
    const bf16* row = from + t * stride;
    if (t + kRowsAhead + 1 < sizes.T) {
      prefetch_row(row + kRowsAhead * stride, sizes.HS);
      prefetch_row(row + (kRowsAhead + 1) * stride, sizes.HS);
    }
    for (std::int64_t d = 0; d < sizes.HS_padded; d += kLanes) {
      const VecF next = t + 1 < sizes.T ? load_padded(row + stride, d, sizes.HS) : set(0.0F);
      store_pairs(panel + t / 2 * sizes.HS_padded + d, load_padded(row, d, sizes.HS), next);
    }
  }
  std::fill(panel + (sizes.T + 1) / 2 * sizes.HS_padded, panel + sizes.panel(), 0.0F);
}
#endif

// The right panel of rows whose left panel is there already.
template <class T>
inline void make_right([[maybe_unused]] float* right, [[maybe_unused]] const T* from,
                       [[maybe_unused]] std::int64_t stride, [[maybe_unused]] const HeadSizes& sizes) {
#if PHALANX_CPU_BF16
  if constexpr (kStep<T> == 2) pack_right(right, from, stride, sizes);
#endif
}

// Blocks of (row_words, kAttentionBlock) from a left panel, four words by four.
inline void transpose_panel(float* transposed, const float* panel, const HeadSizes& sizes) {
  const std::int64_t W = sizes.row_words();
  for (std::int64_t t = 0; t < sizes.T_padded; t += 4) {
    float* block = transposed + t / kAttentionBlock * kAttentionBlock * W + t % kAttentionBlock;
    const float* rows = panel + t * W;
    for (std::int64_t d = 0; d < W; d += 4) {
      __m128 r0 = _mm_loadu_ps(rows + d);
      __m128 r1 = _mm_loadu_ps(rows + W + d);
      __m128 r2 = _mm_loadu_ps(rows + 2 * W + d);
      __m128 r3 = _mm_loadu_ps(rows + 3 * W + d);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      _mm_storeu_ps(block + d * kAttentionBlock, r0);
      _mm_storeu_ps(block + (d + 1) * kAttentionBlock, r1);
      _mm_storeu_ps(block + (d + 2) * kAttentionBlock, r2);
      _mm_storeu_ps(block + (d + 3) * kAttentionBlock, r3);
    }
  }
}

// scores[query, column] = a[query] . keys[column] over the columns that each tile sees; a: rows of a left panel,
// keys_transposed: a block of a transposed one.
template <int step>
inline void multiply_block(float* scores, const float* a, const float* keys_transposed, const BlockMask& mask,
                           const HeadSizes& sizes) {
  for (std::int64_t tile = 0; tile < BlockMask::kTiles; ++tile) {
    const KeyRange& columns = mask.tiles[tile];
    const std::int64_t first = register_begin(columns);
    const std::int64_t row = tile * kTileRows;
    multiply_rows<step, Into::overwrite>(scores + row * kAttentionBlock + first, kAttentionBlock,
                                         {a + row * sizes.row_words(), sizes.row_words(), 1}, keys_transposed + first,
                                         kAttentionBlock, sizes.row_words(), register_end(columns) - first);
  }
}

// rows[query] += sum over its columns of weights[query, column] values[column]; neighbouring columns share a word of
// weights (block, block) and of values, rows of a right panel.
template <int step>
inline void add_weighted_rows(float* rows, const float* weights, const float* values, const BlockMask& mask,
                              const HeadSizes& sizes) {
  constexpr std::int64_t W = kAttentionBlock / step;
  for (std::int64_t tile = 0; tile < BlockMask::kTiles; ++tile) {
    const std::int64_t first = mask.tiles[tile].begin / step;
    const std::int64_t end = (mask.tiles[tile].end + step - 1) / step;
    const std::int64_t row = tile * kTileRows;
    multiply_rows<step, Into::accumulate>(rows + row * sizes.HS_padded, sizes.HS_padded,
                                          {weights + row * W + first, W, 1}, values + first * sizes.HS_padded,
                                          sizes.HS_padded, end - first, sizes.HS_padded);
  }
}

// Where head h of sequence b starts in qkv (B, T, 3, NH, HS); part 0: q, 1: k, 2: v. Rows are 3 NH HS apart.
template <class T>
T* head_of_qkv(const Tensor& qkv, std::int64_t b, std::int64_t part, std::int64_t h) {
  const std::int64_t NH = qkv.size(3);
  const std::int64_t HS = qkv.size(4);
  return qkv.as<T>() + ((b * qkv.size(1) * 3 + part) * NH + h) * HS;
}

// Where the random numbers of a head's attention dropout come from; element (t, j) has index first + t * T + j.
struct HeadStream {
  RandomStream stream;
  std::uint64_t first;
  std::int64_t T;
};
inline HeadStream head_stream(const Dropout& dropout, std::int64_t b, std::int64_t head, std::int64_t T) {
  const std::int64_t sequence = dropout.rate > 0.0F ? dropout.sequences.as<std::int64_t>()[b] : 0;
  return {random_stream(dropout, sequence), static_cast<std::uint64_t>(head * T * T), T};
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL
