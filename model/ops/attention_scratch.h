// Scratch of one attention thread, carved from one block of floats. The same constructors measure (over no memory) and
// carve, so planning and running cannot disagree.
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

// Sizes that are padded so that kernels need no special case at their edges.
struct HeadSizes {
  HeadSizes(std::int64_t T, std::int64_t HS)
      : T(T),
        HS(HS),
        T_padded((T + kAttentionBlock - 1) / kAttentionBlock * kAttentionBlock),
        HS_padded((HS + 15) / 16 * 16) {}
  std::int64_t T, HS;
  std::int64_t T_padded;   // multiple of kAttentionBlock
  std::int64_t HS_padded;  // multiple of 16
  [[nodiscard]] std::int64_t panel() const { return T_padded * HS_padded; }
  [[nodiscard]] std::int64_t block_rows() const { return kAttentionBlock * HS_padded; }
};

// Panels hold a head in fp32: rows (T_padded, HS_padded), zeros in the padding. Transposed panels hold one
// (HS_padded, kAttentionBlock) block after another, a column per key.
struct AttentionForwardBuffers {
  AttentionForwardBuffers(FloatCarver& carver, const HeadSizes& s)
      : q(carver.take(s.panel())),
        k_transposed(carver.take(s.panel())),
        v(carver.take(s.panel())),
        rows(carver.take(s.block_rows())),
        scores(carver.take(kAttentionBlock * kAttentionBlock)),
        maxima(carver.take(kAttentionBlock)),
        sums(carver.take(kAttentionBlock * 16)),
        visible(carver.take(2 * s.T_padded)) {}
  float* q;  // scaled by 1 / sqrt(HS)
  float* k_transposed;
  float* v;
  float* rows;     // (block, HS_padded): outputs of a block of queries
  float* scores;   // (block, block)
  float* maxima;   // (block): largest score so far
  float* sums;     // (block, lanes): sums of exponentials so far
  float* visible;  // (T_padded) pairs of int32: visible keys of each query
};

struct AttentionBackwardBuffers {
  AttentionBackwardBuffers(FloatCarver& carver, const HeadSizes& s)
      : q(carver.take(s.panel())),
        k(carver.take(s.panel())),
        dout(carver.take(s.panel())),
        dq(carver.take(s.panel())),
        k_transposed(carver.take(s.panel())),
        v_transposed(carver.take(s.panel())),
        dk(carver.take(s.block_rows())),
        dv(carver.take(s.block_rows())),
        p(carver.take(kAttentionBlock * kAttentionBlock)),
        ds(carver.take(kAttentionBlock * kAttentionBlock)),
        delta(carver.take(s.T_padded)),
        visible(carver.take(2 * s.T_padded)) {}
  float* q;  // scaled by 1 / sqrt(HS)
  float* k;
  float* dout;
  float* dq;
  float* k_transposed;
  float* v_transposed;
  float* dk;  // (block, HS_padded): gradients of a block of keys
  float* dv;
  float* p;      // (block, block): probabilities, then what reaches v
  float* ds;     // (block, block): gradients of probabilities, then of scores
  float* delta;  // (T_padded): dout . out of each query
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

}  // namespace phalanx::ops
