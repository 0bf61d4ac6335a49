// Which implementation of attention runs on a GPU: cuDNN's fused kernels, or our own plain one. A pure function of what
// is asked and what there is, so it is the same for every rank, step and resumed run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/ops/attention.h"

namespace phalanx::ops {

enum class AttentionUse : std::uint8_t {
  automatic,  // fused where it can be, else plain
  plain,
  fused,  // or an error
};

// The environment variable PHALANX_ATTENTION: auto (or unset), plain, cudnn; another value throws UsageError.
AttentionUse attention_use();
AttentionUse attention_use_from(std::string_view value);

enum class DocumentKind : std::uint8_t { whole, packed, unknown };
DocumentKind kind_of(const AttentionMask& mask);

struct AttentionQuestion {
  AttentionUse use = AttentionUse::automatic;
  bool backward = false;
  bool deterministic = true;
  DType dtype = DType::bf16;
  std::int64_t HS = 0;
  float dropout = 0.0F;
  DocumentKind documents = DocumentKind::whole;
  int capability = 90;         // of the GPU: 80 for an A100, 90 for an H100
  std::string_view missing{};  // why cuDNN cannot be used; empty: it can
};

struct AttentionChoice {
  bool fused = false;
  std::string why;  // plain runs; empty when fused does
};

AttentionChoice choose_attention(const AttentionQuestion& q);
// Throws UsageError when q.use is fused and the choice is not.
AttentionChoice require_choice(const AttentionQuestion& q);

// The question of an op, without what there is: as it is planned, before a GPU is at hand.
AttentionQuestion question_of(const Exec& exec, const Tensor& qkv, const AttentionMask& mask, const Dropout& dropout,
                              bool backward);

}  // namespace phalanx::ops
