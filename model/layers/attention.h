// Self-attention: QKV (column-parallel, cut by heads), softmax attention per head, output projection (row-parallel).
#pragma once

#include <cstdint>
#include <string>

#include "model/layers/linear.h"
#include "model/ops/attention.h"
#include "model/ops/rope.h"

namespace phalanx {

struct AttentionOptions {
  std::string prefix;  // "layers.3.attention."
  int layer = 0;
  std::int64_t C = 0;   // hidden
  std::int64_t NH = 0;  // heads, global
  float init_std = 0.02F;
  float output_init_std = 0.02F;
  double dropout = 0.0;  // on attention weights
  bool biases = true;
  int window = 0;           // farthest key on either side of a query; 0: no limit
  float rope_theta = 0.0F;  // rotary positions (Context::positions); 0: none
};

class SelfAttention {
 public:
  SelfAttention(ParamBuilder& builder, const AttentionOptions& options);

  // What backward needs of a forward.
  struct Saved {
    Tensor qkv;  // (S, N, 3 * NH_s * HS)
    Tensor out;  // (S, N, NH_s * HS)
    Tensor lse;  // (S, B, NH_s, T) fp32
  };
  // x (N, C) -> (N, C) without the output bias
  Tensor forward(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask, Saved& saved) const;
  // forward without the output projection: what recomputation needs.
  void forward_saved(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask, Saved& saved) const;
  // dy (N, C) -> dx (N, C)
  Tensor backward(const Context& ctx, const Tensor& dy, const Tensor& x, const ops::AttentionMask& mask,
                  const Saved& saved) const;

  // Keys and values of the positions seen so far, per shard.
  struct Cache {
    Tensor k, v;  // (S, B, NH_s, Tmax, HS)
  };
  [[nodiscard]] Cache make_cache(const Context& ctx, std::int64_t B, std::int64_t T_max) const;
  // The first positions of every sequence, as a forward of them saved it.
  void fill_cache(const Context& ctx, const Saved& saved, const Cache& cache) const;
  // One new position per sequence: x (B, C) -> (B, C); `length` counts it.
  Tensor decode(const Context& ctx, const Tensor& x, const Cache& cache, int length) const;

  [[nodiscard]] int output_bias() const { return out_.bias(); }  // -1: none

 private:
  [[nodiscard]] ops::AttentionMask windowed(ops::AttentionMask mask) const;
  void turn(const Context& ctx, const Tensor& qkv, ops::Turn direction) const;

  AttentionOptions options_;
  ColumnLinear qkv_;
  RowLinear out_;
};

}  // namespace phalanx
