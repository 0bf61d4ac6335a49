// Scratch of fused attention. The same functions plan and carve, so planning and running cannot disagree; what cuDNN
// asks for beside is bounded by a formula, which holds for the plans it makes (tests/cudnn compares them).
#pragma once

#include <cstdint>

#include "core/arena.h"
#include "model/ops/attention.h"
#include "model/ops/cudnn/attention_key.h"

namespace phalanx::ops {

struct FusedDirection {
  bool backward = false;
  bool deterministic = true;
};

// The plan that an op needs; qkv (B, T, 3, NH, HS).
inline cudnn::AttentionKey fused_key(const Tensor& qkv, const AttentionMask& mask, FusedDirection direction) {
  return {.backward = direction.backward,
          .deterministic = !direction.backward || direction.deterministic,
          .B = qkv.size(0),
          .T = qkv.size(1),
          .NH = qkv.size(3),
          .HS = qkv.size(4),
          .dtype = qkv.dtype,
          .causal = mask.causal,
          .window = mask.window,
          .packed = mask.runs.lengths.defined() && !mask.runs.whole};
}

struct FusedScratch {
  Tensor offsets;   // (3, B + 1) int64, packed: of qkv, out, lse
  Tensor lse;       // (tokens, NH) fp32, packed: lse by token
  Tensor row_sums;  // (B, NH, T) fp32, backward
  Tensor dq_sums;   // (B, NH, T, HS) fp32, backward that is not deterministic
  Tensor plan;      // bytes of cuDNN's own
};

// The most bytes that a plan asks for. Deterministic: gradients of scores in 16 bits, T rounded up to tiles of 128.
inline std::int64_t fused_plan_bytes(const cudnn::AttentionKey& k) {
  constexpr std::int64_t kTile = 128;
  constexpr std::int64_t kRest = 4096;
  const std::int64_t T = (k.T + kTile - 1) / kTile * kTile;
  if (!k.backward) return kRest;
  return kRest + k.B * k.NH * (k.deterministic ? 2 * T * T : 4 * T * k.HS);
}

inline FusedScratch take_fused_scratch(Scratch& scratch, const cudnn::AttentionKey& k) {
  FusedScratch s;
  if (k.packed) {
    s.offsets = scratch.take({3, k.B + 1}, DType::i64);
    s.lse = scratch.take({k.B * k.T, k.NH}, DType::f32);
  }
  if (k.backward) s.row_sums = scratch.take({k.B, k.NH, k.T}, DType::f32);
  if (k.backward && !k.deterministic) s.dq_sums = scratch.take({k.B, k.NH, k.T, k.HS}, DType::f32);
  s.plan = scratch.take({fused_plan_bytes(k)}, DType::u8);
  return s;
}

}  // namespace phalanx::ops
