// Attention on the CPU, backward: probabilities are made again from the saved lse, block by block. For a block of keys
// the blocks of queries pass by; gradients of keys and values stay in the block, those of queries add up in a panel.
//
//   dv = pᵀ dout,  dp = dout vᵀ,  ds = p (dp - dout . out),  dq = ds k / sqrt(HS),  dk = dsᵀ q / sqrt(HS)
#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "model/ops/attention_scratch.h"
#include "model/ops/cpu/level_ops.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector_math.h"
#include "model/ops/cpu/vector_random.h"

#include "model/ops/cpu/attention_head.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

// Everything that the blocks of one head share.
struct Head {
  AttentionBackwardBuffers buffers;
  HeadSizes sizes;
  const float* lse;  // (T)
  float scale;       // of scores: 1 / sqrt(HS)
  float dropout_rate;
  HeadStream random;

  [[nodiscard]] const KeyRange* visible() const { return reinterpret_cast<const KeyRange*>(buffers.visible); }
};

// One query's row of a block: products q . k in p become probabilities, dp in ds becomes the gradient of the scores.
void differentiate_row(float* p, float* ds, float scale, std::int64_t first, std::int64_t end, const KeyRange& row,
                       float lse, float delta) {
  const VecF lse_lanes = set(lse);
  const VecF delta_lanes = set(delta);
  const bool masked = row.begin > first || row.end < end;
  for (std::int64_t c = first; c < end; c += kLanes) {
    VecF probability = exp(load(p + c) * set(scale) - lse_lanes);
    if (masked) probability = keep(lanes_inside(row, c), probability);
    store(p + c, probability);
    store(ds + c, probability * (load(ds + c) - delta_lanes));
  }
}

// As above under dropout: v saw the dropped probabilities, and dp comes back through the same mask.
void differentiate_row_dropped(float* p, float* ds, float scale, std::int64_t first, std::int64_t end,
                               const KeyRange& row, float lse, float delta, const RandomStream& stream,
                               std::uint64_t index, const Dropper& dropped) {
  const VecF lse_lanes = set(lse);
  const VecF delta_lanes = set(delta);
  for_lanes_with_bits(stream, index, end - first, [&](std::int64_t i, auto, const std::uint32_t* bits) {
    const std::int64_t c = first + i;
    const VecF probability = keep(lanes_inside(row, c), exp(load(p + c) * set(scale) - lse_lanes));
    store(p + c, dropped(probability, bits));
    store(ds + c, probability * (dropped(load(ds + c), bits) - delta_lanes));
  });
}

void differentiate_block(const Head& head, const BlockMask& mask, std::int64_t first_query, std::int64_t first_key) {
  const AttentionBackwardBuffers& buffers = head.buffers;
  const Dropper dropped = make_dropper(head.dropout_rate);
  for (std::int64_t m = 0; m < kAttentionBlock; ++m) {
    const KeyRange& tile = mask.tiles[m / kTileRows];
    const std::int64_t first = register_begin(tile);
    const std::int64_t end = register_end(tile);
    float* p_m = buffers.p + m * kAttentionBlock;
    float* ds_m = buffers.ds + m * kAttentionBlock;
    std::fill(p_m, p_m + first, 0.0F);  // keys read whole columns
    std::fill(p_m + end, p_m + kAttentionBlock, 0.0F);
    std::fill(ds_m, ds_m + first, 0.0F);
    std::fill(ds_m + end, ds_m + kAttentionBlock, 0.0F);
    const std::int64_t t = first_query + m;
    const KeyRange row = BlockMask::columns_of(head.visible()[t], first_key);
    const float lse = t < head.sizes.T ? head.lse[t] : 0.0F;
    if (head.dropout_rate > 0.0F) {
      const auto index = head.random.first + static_cast<std::uint64_t>(t * head.sizes.T + first_key + first);
      differentiate_row_dropped(p_m, ds_m, head.scale, first, end, row, lse, buffers.delta[t], head.random.stream,
                                index, dropped);
    } else {
      differentiate_row(p_m, ds_m, head.scale, first, end, row, lse, buffers.delta[t]);
    }
  }
}

// Makes probabilities and gradients of scores operands of products: neighbouring keys, or queries, in a word.
template <int step>
void settle_block([[maybe_unused]] const AttentionBackwardBuffers& buffers) {
#if PHALANX_CPU_BF16
  if constexpr (step == 2) {
    for (std::int64_t m = 0; m < kAttentionBlock; m += 2) {
      const std::int64_t across = m / 2 * kAttentionBlock;
      for (std::int64_t c = 0; c < kAttentionBlock; c += kLanes) {
        const std::int64_t at = m * kAttentionBlock + c;
        const VecF ds_0 = load(buffers.ds + at);
        const VecF ds_1 = load(buffers.ds + at + kAttentionBlock);
        store_pairs(buffers.p_across + across + c, load(buffers.p + at), load(buffers.p + at + kAttentionBlock));
        store_pairs(buffers.ds_across + across + c, ds_0, ds_1);
        store_pairs(buffers.ds_along + at / 2, ds_0);
        store_pairs(buffers.ds_along + (at + kAttentionBlock) / 2, ds_1);
      }
    }
  }
#endif
}

// keys[column] += sum over queries of weights[query, column] rows[query]: the transpose of add_weighted_rows;
// neighbouring queries share a word of weights and of rows. For each tile of columns only the tiles of queries between
// the first and the last that see any of it.
template <int step>
void add_to_keys(float* keys, const float* weights, const float* rows, const BlockMask& mask, const HeadSizes& sizes) {
  for (std::int64_t column = 0; column < kAttentionBlock; column += kTileRows) {
    std::int64_t first = BlockMask::kTiles;
    std::int64_t last = -1;
    for (std::int64_t tile = 0; tile < BlockMask::kTiles; ++tile) {
      if (mask.tiles[tile].begin >= column + kTileRows || mask.tiles[tile].end <= column) continue;
      first = std::min(first, tile);
      last = tile;
    }
    if (last < 0) continue;
    const std::int64_t query = first * kTileRows;
    multiply_rows<step, Into::accumulate>(keys + column * sizes.HS_padded, sizes.HS_padded,
                                          {weights + query / step * kAttentionBlock + column, 1, kAttentionBlock},
                                          rows + query / step * sizes.HS_padded, sizes.HS_padded,
                                          ((last + 1) * kTileRows - query) / step, sizes.HS_padded);
  }
}

template <int step>
void pass_block(const Head& head, std::int64_t first_query, std::int64_t first_key) {
  const BlockMask mask(head.visible(), first_query, first_key);
  if (mask.empty) return;
  const HeadSizes& sizes = head.sizes;
  const AttentionBackwardBuffers& buffers = head.buffers;
  const std::int64_t query_row = first_query * sizes.row_words();
  const std::int64_t key_row = first_key * sizes.row_words();
  multiply_block<step>(buffers.p, buffers.q + query_row, buffers.k_transposed + key_row, mask, sizes);
  multiply_block<step>(buffers.ds, buffers.dout + query_row, buffers.v_transposed + key_row, mask, sizes);
  differentiate_block(head, mask, first_query, first_key);
  settle_block<step>(buffers);
  // A right panel has HS_padded words for `step` rows: as many per row as a left one.
  add_to_keys<step>(buffers.dv, buffers.p_across, buffers.dout_right + query_row, mask, sizes);
  add_to_keys<step>(buffers.dk, buffers.ds_across, buffers.q_right + query_row, mask, sizes);
  add_weighted_rows<step>(buffers.dq + first_query * sizes.HS_padded, buffers.ds_along, buffers.k_right + key_row, mask,
                          sizes);
}

// delta[t] = dout[t] . out[t]: what all probabilities of a query share in the gradient of their scores.
template <class T>
void find_deltas(float* delta, const T* dout, const T* out, std::int64_t stride, const HeadSizes& sizes) {
  for (std::int64_t t = 0; t < sizes.T; ++t) {
    if (t + kRowsAhead < sizes.T) prefetch_row(out + (t + kRowsAhead) * stride, sizes.HS);
    delta[t] = sum_lanes(sizes.HS, [&](std::int64_t d, auto lanes) {
      return load(dout + t * stride + d, lanes) * load(out + t * stride + d, lanes);
    });
  }
  std::fill(delta + sizes.T, delta + sizes.T_padded, 0.0F);
}

template <class T>
void prepare_head(const AttentionBackward& a, const Head& head, std::int64_t b, std::int64_t h) {
  const HeadSizes& sizes = head.sizes;
  const AttentionBackwardBuffers& buffers = head.buffers;
  const std::int64_t NH = a.qkv.size(3);
  const std::int64_t stride = 3 * NH * sizes.HS;
  const std::int64_t out_stride = NH * sizes.HS;
  const T* q = head_of_qkv<T>(a.qkv, b, 0, h);
  const T* k = head_of_qkv<T>(a.qkv, b, 1, h);
  const T* dout = a.dout.as<T>() + (b * sizes.T * NH + h) * sizes.HS;
  const T* out = a.out.as<T>() + (b * sizes.T * NH + h) * sizes.HS;
  find_visible_keys(reinterpret_cast<KeyRange*>(buffers.visible), a.mask, b, sizes);
  pack_left(buffers.q, q, stride, sizes);
  make_right(buffers.q_right, q, stride, sizes);
  pack_left(buffers.dout, dout, out_stride, sizes);
  make_right(buffers.dout_right, dout, out_stride, sizes);
  pack_left(buffers.dq, head_of_qkv<T>(a.qkv, b, 2, h), stride, sizes);  // v passes through the place of dq
  transpose_panel(buffers.v_transposed, buffers.dq, sizes);
  pack_left(buffers.k_right, k, stride, sizes);
  transpose_panel(buffers.k_transposed, buffers.k_right, sizes);
  make_right(buffers.k_right, k, stride, sizes);
  std::fill_n(buffers.dq, sizes.sums(), 0.0F);
  find_deltas(buffers.delta, dout, out, out_stride, sizes);
}

// to[row] = scale * from[row] for `rows` rows, `stride` elements apart.
template <class T>
void unpack_rows(T* to, std::int64_t stride, const float* from, std::int64_t rows, float scale,
                 const HeadSizes& sizes) {
  const VecF factor = set(scale);
  for (std::int64_t r = 0; r < rows; ++r) {
    for_lanes(sizes.HS, [&](std::int64_t d, auto lanes) {
      store(to + r * stride + d, load(from + r * sizes.HS_padded + d) * factor, lanes);
    });
  }
}

template <class T>
void backward_head(const AttentionBackward& a, const Head& head, std::int64_t b, std::int64_t h) {
  const HeadSizes& sizes = head.sizes;
  const AttentionBackwardBuffers& buffers = head.buffers;
  const std::int64_t stride = 3 * a.qkv.size(3) * sizes.HS;
  prepare_head<T>(a, head, b, h);
  for (std::int64_t key = 0; key < sizes.T; key += kAttentionBlock) {
    std::fill_n(buffers.dk, sizes.block_sums(), 0.0F);
    std::fill_n(buffers.dv, sizes.block_sums(), 0.0F);
    for (std::int64_t query = 0; query < sizes.T; query += kAttentionBlock) {
      pass_block<kStep<T>>(head, query, key);
    }
    const std::int64_t keys = std::min(kAttentionBlock, sizes.T - key);
    unpack_rows(head_of_qkv<T>(a.dqkv, b, 1, h) + key * stride, stride, buffers.dk, keys, head.scale, sizes);
    unpack_rows(head_of_qkv<T>(a.dqkv, b, 2, h) + key * stride, stride, buffers.dv, keys, 1.0F, sizes);
  }
  unpack_rows(head_of_qkv<T>(a.dqkv, b, 0, h), stride, buffers.dq, sizes.T, head.scale, sizes);
}

}  // namespace

void attention_backward(const Exec& exec, const AttentionBackward& a) {
  const std::int64_t B = a.qkv.size(0);
  const std::int64_t NH = a.qkv.size(3);
  visit_dtype(a.qkv.dtype, [&]<class T>() {
    const HeadSizes sizes(a.qkv.size(1), a.qkv.size(4), kStep<T>);
    Scratch scratch(*exec.workspace);
    const Tensor memory = take_attention_scratch<AttentionBackwardBuffers>(scratch, omp_get_max_threads(), sizes);
#pragma omp parallel for schedule(dynamic)
    for (std::int64_t task = 0; task < B * NH; ++task) {
      const std::int64_t b = task / NH;
      const std::int64_t h = task % NH;
      const Head head{attention_buffers<AttentionBackwardBuffers>(memory, omp_get_thread_num(), sizes),
                      sizes,
                      a.lse.as<float>() + task * sizes.T,
                      1.0F / std::sqrt(static_cast<float>(sizes.HS)),
                      a.dropout.rate,
                      head_stream(a.dropout, b, a.first_head + h, sizes.T)};
      backward_head<T>(a, head, b, h);
    }
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
