// Scratch of attention threads, carved from one block of floats each. The same constructors measure (over no memory)
// and carve, so planning and running cannot disagree.
#pragma once

#include <cstdint>

#include "core/arena.h"

namespace phalanx::ops {

inline constexpr std::int64_t kAttentionBlock = 64;  // queries, and keys, of a block

// Hands out pieces of whole cache lines; null pointers while there is no memory.
class FloatCarver {
 public:
  explicit FloatCarver(float* base) : base_(base) {}
  float* take(std::int64_t floats) {
    float* piece = base_ == nullptr ? nullptr : base_ + used_;
    used_ += (floats + 15) / 16 * 16;
    return piece;
  }
  [[nodiscard]] std::int64_t used() const { return used_; }

 private:
  float* base_;
  std::int64_t used_ = 0;
};

// Sizes that are padded so that kernels need no special case at their edges. Operands of products are 32-bit words: a
// float, or `step` = 2 neighbours in bf16.
struct HeadSizes {
  HeadSizes(std::int64_t T, std::int64_t HS, std::int64_t step)
      : T(T),
        HS(HS),
        step(step),
        T_padded((T + kAttentionBlock - 1) / kAttentionBlock * kAttentionBlock),
        HS_padded((HS + 15) / 16 * 16) {}
  std::int64_t T, HS, step;
  std::int64_t T_padded;   // multiple of kAttentionBlock
  std::int64_t HS_padded;  // multiple of 16
  [[nodiscard]] std::int64_t row_words() const { return HS_padded / step; }
  [[nodiscard]] std::int64_t panel() const { return T_padded * row_words(); }
  [[nodiscard]] std::int64_t sums() const { return T_padded * HS_padded; }
  [[nodiscard]] std::int64_t block_sums() const { return kAttentionBlock * HS_padded; }
  [[nodiscard]] std::int64_t block_words() const { return kAttentionBlock * kAttentionBlock / step; }
};

// Panels hold a head as operands of products, in words, zeros in the padding. What a product adds along, called K,
// lies in the words:
//   left         rows (T_padded, HS_padded), neighbouring channels in a word: K is the channels
//   transposed   blocks (HS_padded, kAttentionBlock), a column per key, neighbouring channels in a word
//   right        rows (T_padded, HS_padded), neighbouring rows in a word: K is the tokens
// Floats are their own neighbours: left and right are then the same memory. So are the weights of a block, which are
// left operands of products along keys and, by their transpose, along queries.
struct AttentionForwardBuffers {
  AttentionForwardBuffers(FloatCarver& carver, const HeadSizes& s)
      : q(carver.take(s.panel())),
        k_transposed(carver.take(s.panel())),
        v_right(carver.take(s.panel())),
        rows(carver.take(s.block_sums())),
        scores(carver.take(kAttentionBlock * kAttentionBlock)),
        weights(s.step == 1 ? scores : carver.take(s.block_words())),
        maxima(carver.take(kAttentionBlock)),
        sums(carver.take(kAttentionBlock * 16)),
        visible(carver.take(2 * s.T_padded)) {}
  float* q;
  float* k_transposed;
  float* v_right;
  float* rows;     // (block, HS_padded): outputs of a block of queries
  float* scores;   // (block, block), then exponentials
  float* weights;  // (block, block): exponentials, neighbouring keys in a word
  float* maxima;   // (block): largest score so far
  float* sums;     // (block, lanes): sums of exponentials so far
  float* visible;  // (T_padded) pairs of int32: visible keys of each query
};

struct AttentionBackwardBuffers {
  AttentionBackwardBuffers(FloatCarver& carver, const HeadSizes& s)
      : q(carver.take(s.panel())),
        q_right(s.step == 1 ? q : carver.take(s.panel())),
        dout(carver.take(s.panel())),
        dout_right(s.step == 1 ? dout : carver.take(s.panel())),
        k_right(carver.take(s.panel())),
        k_transposed(carver.take(s.panel())),
        v_transposed(carver.take(s.panel())),
        dq(carver.take(s.sums())),
        dk(carver.take(s.block_sums())),
        dv(carver.take(s.block_sums())),
        p(carver.take(kAttentionBlock * kAttentionBlock)),
        p_across(s.step == 1 ? p : carver.take(s.block_words())),
        ds(carver.take(kAttentionBlock * kAttentionBlock)),
        ds_along(s.step == 1 ? ds : carver.take(s.block_words())),
        ds_across(s.step == 1 ? ds : carver.take(s.block_words())),
        delta(carver.take(s.T_padded)),
        visible(carver.take(2 * s.T_padded)) {}
  float* q;
  float* q_right;
  float* dout;
  float* dout_right;
  float* k_right;
  float* k_transposed;
  float* v_transposed;
  float* dq;         // (T_padded, HS_padded)
  float* dk;         // (block, HS_padded): gradients of a block of keys
  float* dv;         // (block, HS_padded)
  float* p;          // (block, block): probabilities, then what reaches v
  float* p_across;   // (block, block): the same, neighbouring queries in a word
  float* ds;         // (block, block): gradients of probabilities, then of scores
  float* ds_along;   // (block, block): the same, neighbouring keys in a word
  float* ds_across;  // (block, block): the same, neighbouring queries in a word
  float* delta;      // (T_padded): dout . out of each query
  float* visible;
};

// (threads, floats of one thread) for Buffers.
template <class Buffers>
Tensor take_attention_scratch(Scratch& scratch, std::int64_t threads, const HeadSizes& sizes) {
  FloatCarver measure(nullptr);
  [[maybe_unused]] const Buffers buffers(measure, sizes);
  return scratch.take({threads, measure.used()}, DType::f32);
}
template <class Buffers>
Buffers attention_buffers(const Tensor& scratch, std::int64_t thread, const HeadSizes& sizes) {
  FloatCarver carver(scratch.as<float>() + thread * scratch.size(1));
  return Buffers(carver, sizes);
}

// (threads, T_max) fp32: scores of a thread's new position against a cache of T_max.
inline Tensor take_decode_scores(Scratch& scratch, std::int64_t threads, std::int64_t T_max) {
  return scratch.take({threads, T_max}, DType::f32);
}

// On GPUs, for backward: dout . out of each query, lse's shape.
inline Tensor take_attention_deltas(Scratch& scratch, const Tensor& lse) { return scratch.take(lse.shape, DType::f32); }

}  // namespace phalanx::ops
