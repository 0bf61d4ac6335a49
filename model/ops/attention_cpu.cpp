// Attention on the CPU, forward: for a block of queries the blocks of keys pass by, with a running maximum and sum per
// query, so only (block, block) scores exist at a time. Threads share the heads of all sequences.
#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

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

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Everything that the blocks of one head share.
struct Head {
  AttentionForwardBuffers buffers;
  HeadSizes sizes;
  float scale;  // of scores: 1 / sqrt(HS)
  float dropout_rate;
  HeadStream random;

  [[nodiscard]] const KeyRange* visible() const { return reinterpret_cast<const KeyRange*>(buffers.visible); }
};

// Turns the products of one query, registers [first, end) of its row, into exponentials of scores over their running
// maximum; the sum goes on in `sums`, and what was added up under an older maximum (the row of outputs) is scaled down.
void exponentiate_row(float* scores, float scale, std::int64_t first, std::int64_t end, const KeyRange& row,
                      float* maximum, float* sums, float* output, std::int64_t channels) {
  VecF largest = set(kMinusInfinity);
  const bool masked = row.begin > first || row.end < end;
  for (std::int64_t c = first; c < end; c += kLanes) {
    VecF score = load(scores + c);
    if (masked) {
      score = select(lanes_inside(row, c), score, set(kMinusInfinity));
      store(scores + c, score);
    }
    largest = max(largest, score);
  }
  const float before = *maximum;
  const float largest_score = max_lane(largest) * scale;
  const float now = before > largest_score ? before : largest_score;
  const VecF shift = set(now == kMinusInfinity ? 0.0F : now);  // nothing seen yet: all exponentials are 0
  VecF sum = load(sums);
  if (now > before && before != kMinusInfinity) {
    const VecF shrink = exp(set(before) - shift);
    sum = sum * shrink;
    for (std::int64_t d = 0; d < channels; d += kLanes) store(output + d, load(output + d) * shrink);
  }
  for (std::int64_t c = first; c < end; c += kLanes) {
    const VecF e = exp(load(scores + c) * set(scale) - shift);
    sum = sum + e;
    store(scores + c, e);
  }
  store(sums, sum);
  *maximum = now;
}

// Drops weights of query t, registers [first, end) of its row in the block at `first_key`.
void drop_row(float* weights, std::int64_t first, std::int64_t end, std::int64_t t, std::int64_t first_key,
              const HeadStream& random, const Dropper& dropped) {
  const auto index = random.first + static_cast<std::uint64_t>(t * random.T + first_key + first);
  for_lanes_with_bits(random.stream, index, end - first, [&](std::int64_t c, auto, const std::uint32_t* bits) {
    store(weights + first + c, dropped(load(weights + first + c), bits));
  });
}

// Makes the exponentials of one query, registers [first, end), operands of a product.
template <int step>
void settle_row([[maybe_unused]] float* weights, [[maybe_unused]] const float* scores,
                [[maybe_unused]] std::int64_t first, [[maybe_unused]] std::int64_t end) {
  if constexpr (step > 1) {
    for (std::int64_t c = first; c < end; c += kLanes) store_words<step>(weights + c / step, load(scores + c));
  }
}

template <int step>
void pass_block(const Head& head, std::int64_t first_query, std::int64_t first_key) {
  const BlockMask mask(head.visible(), first_query, first_key);
  if (mask.empty) return;
  const HeadSizes& sizes = head.sizes;
  const AttentionForwardBuffers& buffers = head.buffers;
  multiply_block<step>(buffers.scores, buffers.q + first_query * sizes.row_words(),
                       buffers.k_transposed + first_key * sizes.row_words(), mask, sizes);
  const Dropper dropped = make_dropper(head.dropout_rate);
  for (std::int64_t m = 0; m < kAttentionBlock; ++m) {
    const KeyRange& tile = mask.tiles[m / kTileRows];
    if (tile.begin >= tile.end) continue;
    const std::int64_t first = register_begin(tile);
    const std::int64_t end = register_end(tile);
    float* scores_m = buffers.scores + m * kAttentionBlock;
    exponentiate_row(scores_m, head.scale, first, end,
                     BlockMask::columns_of(head.visible()[first_query + m], first_key), buffers.maxima + m,
                     buffers.sums + m * kLanes, buffers.rows + m * sizes.HS_padded, sizes.HS_padded);
    if (head.dropout_rate > 0.0F) drop_row(scores_m, first, end, first_query + m, first_key, head.random, dropped);
    settle_row<step>(buffers.weights + m * kAttentionBlock / step, scores_m, first, end);
  }
  add_weighted_rows<step>(buffers.rows, buffers.weights, buffers.v_right + first_key / step * sizes.HS_padded, mask,
                          sizes);
}

// The queries of one block, over all blocks of keys; outputs are `stride` elements apart.
template <class T>
void attend_block(const Head& head, std::int64_t first_query, T* out, std::int64_t stride, float* lse) {
  const HeadSizes& sizes = head.sizes;
  const AttentionForwardBuffers& buffers = head.buffers;
  std::fill_n(buffers.rows, sizes.block_sums(), 0.0F);
  std::fill_n(buffers.maxima, kAttentionBlock, kMinusInfinity);
  std::fill_n(buffers.sums, kAttentionBlock * kLanes, 0.0F);
  for (std::int64_t key = 0; key < sizes.T; key += kAttentionBlock) pass_block<kStep<T>>(head, first_query, key);
  const std::int64_t queries = std::min(kAttentionBlock, sizes.T - first_query);
  for (std::int64_t m = 0; m < queries; ++m) {
    const float total = sum(load(buffers.sums + m * kLanes));
    const VecF inverse = set(total > 0.0F ? 1.0F / total : 0.0F);
    const float* row = buffers.rows + m * sizes.HS_padded;
    T* out_t = out + (first_query + m) * stride;
    for_lanes(sizes.HS, [&](std::int64_t d, auto lanes) { store(out_t + d, load(row + d) * inverse, lanes); });
    lse[first_query + m] = buffers.maxima[m] + std::log(total);
  }
}

template <class T>
void forward_head(const AttentionForward& a, const Head& head, std::int64_t b, std::int64_t h) {
  const HeadSizes& sizes = head.sizes;
  const std::int64_t NH = a.qkv.size(3);
  const std::int64_t stride = 3 * NH * sizes.HS;
  const AttentionForwardBuffers& buffers = head.buffers;
  find_visible_keys(reinterpret_cast<KeyRange*>(buffers.visible), a.mask, b, sizes);
  const T* v = head_of_qkv<T>(a.qkv, b, 2, h);
  pack_left(buffers.v_right, head_of_qkv<T>(a.qkv, b, 1, h), stride, sizes);  // k passes through the place of v
  transpose_panel(buffers.k_transposed, buffers.v_right, sizes);
  if (kStep<T> == 1) pack_left(buffers.v_right, v, stride, sizes);
  make_right(buffers.v_right, v, stride, sizes);
  pack_left(buffers.q, head_of_qkv<T>(a.qkv, b, 0, h), stride, sizes);
  T* out = a.out.as<T>() + (b * sizes.T * NH + h) * sizes.HS;
  float* lse = a.lse.as<float>() + (b * NH + h) * sizes.T;
  for (std::int64_t query = 0; query < sizes.T; query += kAttentionBlock) {
    attend_block(head, query, out, NH * sizes.HS, lse);
  }
}

}  // namespace

void attention_forward(const Exec& exec, const AttentionForward& a) {
  const std::int64_t B = a.qkv.size(0);
  const std::int64_t NH = a.qkv.size(3);
  visit_dtype(a.qkv.dtype, [&]<class T>() {
    const HeadSizes sizes(a.qkv.size(1), a.qkv.size(4), kStep<T>);
    Scratch scratch(*exec.workspace);
    const Tensor memory = take_attention_scratch<AttentionForwardBuffers>(scratch, omp_get_max_threads(), sizes);
#pragma omp parallel for schedule(dynamic)
    for (std::int64_t task = 0; task < B * NH; ++task) {
      const std::int64_t b = task / NH;
      const std::int64_t h = task % NH;
      const Head head{attention_buffers<AttentionForwardBuffers>(memory, omp_get_thread_num(), sizes), sizes,
                      1.0F / std::sqrt(static_cast<float>(sizes.HS)), a.dropout.rate,
                      head_stream(a.dropout, b, a.first_head + h, sizes.T)};
      forward_head<T>(a, head, b, h);
    }
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
