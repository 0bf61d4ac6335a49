// One head of attention, prepared for the products: which keys each query sees, and its rows as fp32 panels.
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

// panel (T_padded, HS_padded) = scale * the T rows at `from`, `stride` elements apart.
template <class T>
inline void pack_rows(float* panel, const T* from, std::int64_t stride, float scale, const HeadSizes& sizes) {
  const VecF factor = set(scale);
  for (std::int64_t t = 0; t < sizes.T; ++t) {
    float* row = panel + t * sizes.HS_padded;
    std::fill(row + sizes.HS, row + sizes.HS_padded, 0.0F);
    for_lanes(sizes.HS,
              [&](std::int64_t d, auto lanes) { store(row + d, load(from + t * stride + d, lanes) * factor, lanes); });
  }
  std::fill(panel + sizes.T * sizes.HS_padded, panel + sizes.panel(), 0.0F);
}

// Blocks of (HS_padded, kAttentionBlock) from a panel of rows, four by four.
inline void transpose_panel(float* transposed, const float* panel, const HeadSizes& sizes) {
  for (std::int64_t t = 0; t < sizes.T_padded; t += 4) {
    float* block = transposed + t / kAttentionBlock * sizes.block_rows() + t % kAttentionBlock;
    const float* rows = panel + t * sizes.HS_padded;
    for (std::int64_t d = 0; d < sizes.HS_padded; d += 4) {
      __m128 r0 = _mm_loadu_ps(rows + d);
      __m128 r1 = _mm_loadu_ps(rows + sizes.HS_padded + d);
      __m128 r2 = _mm_loadu_ps(rows + 2 * sizes.HS_padded + d);
      __m128 r3 = _mm_loadu_ps(rows + 3 * sizes.HS_padded + d);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      _mm_storeu_ps(block + d * kAttentionBlock, r0);
      _mm_storeu_ps(block + (d + 1) * kAttentionBlock, r1);
      _mm_storeu_ps(block + (d + 2) * kAttentionBlock, r2);
      _mm_storeu_ps(block + (d + 3) * kAttentionBlock, r3);
    }
  }
}

// scores[query, column] = a[query] . keys[column] over the columns that each tile sees; a (block, HS_padded) rows,
// keys_transposed (HS_padded, block).
inline void multiply_block(float* scores, const float* a, const float* keys_transposed, const BlockMask& mask,
                           const HeadSizes& sizes) {
  for (std::int64_t tile = 0; tile < BlockMask::kTiles; ++tile) {
    const KeyRange& columns = mask.tiles[tile];
    const std::int64_t first = register_begin(columns);
    const std::int64_t row = tile * kTileRows;
    multiply_rows<Into::overwrite>(scores + row * kAttentionBlock + first, kAttentionBlock,
                                   {a + row * sizes.HS_padded, sizes.HS_padded, 1}, keys_transposed + first,
                                   kAttentionBlock, sizes.HS, register_end(columns) - first);
  }
}

// rows[query] += sum over its columns of weights[query, column] values[column]; values (block, HS_padded) rows.
inline void add_weighted_rows(float* rows, const float* weights, const float* values, const BlockMask& mask,
                              const HeadSizes& sizes) {
  for (std::int64_t tile = 0; tile < BlockMask::kTiles; ++tile) {
    const KeyRange& columns = mask.tiles[tile];
    const std::int64_t row = tile * kTileRows;
    multiply_rows<Into::accumulate>(rows + row * sizes.HS_padded, sizes.HS_padded,
                                    {weights + row * kAttentionBlock + columns.begin, kAttentionBlock, 1},
                                    values + columns.begin * sizes.HS_padded, sizes.HS_padded,
                                    columns.end - columns.begin, sizes.HS_padded);
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
