#include "model/ops/attention_choice.h"

#include <cstdlib>

namespace phalanx::ops {
namespace {

constexpr std::int64_t kMaxFusedHeadSize = 128;  // of backward; a multiple of 8
constexpr int kOldestFused = 80;
constexpr int kPackedDeterministic = 90;  // from here on there is a deterministic backward for packed documents

std::string why_plain(const AttentionQuestion& q) {
  if (q.use == AttentionUse::plain) return "PHALANX_ATTENTION=plain asks for it";
  if (q.dtype != DType::bf16 && q.dtype != DType::f16) return str("cuDNN has no attention in ", name_of(q.dtype));
  if (q.HS > kMaxFusedHeadSize || q.HS % 8 != 0) {
    return str("cuDNN needs heads of a multiple of 8 up to ", kMaxFusedHeadSize, " channels, these have ", q.HS,
               " (model.hidden / model.heads)");
  }
  if (q.dropout > 0.0F) {
    return "cuDNN's dropout would change with the layout (model.attention_dropout: 0 runs fused)";
  }
  if (q.documents == DocumentKind::unknown) return "the bounds of documents are arbitrary";
  if (!q.missing.empty()) return str("cuDNN cannot be used: ", q.missing);
  if (q.capability < kOldestFused) {
    return str("cuDNN needs compute capability ", kOldestFused / 10, ".0, this GPU has ", q.capability / 10, ".",
               q.capability % 10);
  }
  if (q.backward && q.deterministic && q.documents == DocumentKind::packed && q.capability < kPackedDeterministic) {
    return "cuDNN has no deterministic backward of packed documents for this GPU (run.reproducible: none allows the "
           "other one; data.document_attention: false needs none)";
  }
  return {};
}

}  // namespace

AttentionUse attention_use_from(std::string_view value) {
  if (value.empty() || value == "auto") return AttentionUse::automatic;
  if (value == "plain") return AttentionUse::plain;
  if (value == "cudnn") return AttentionUse::fused;
  throw UsageError(str("PHALANX_ATTENTION is \"", value, "\", expected auto, plain or cudnn"));
}

AttentionUse attention_use() {
  const char* value = std::getenv("PHALANX_ATTENTION");
  return attention_use_from(value != nullptr ? value : "");
}

DocumentKind kind_of(const AttentionMask& mask) {
  if (!mask.document_begin.defined() || mask.runs.whole) return DocumentKind::whole;
  return mask.runs.lengths.defined() ? DocumentKind::packed : DocumentKind::unknown;
}

AttentionChoice choose_attention(const AttentionQuestion& q) {
  std::string why = why_plain(q);
  return {why.empty(), std::move(why)};
}

AttentionChoice require_choice(const AttentionQuestion& q) {
  AttentionChoice choice = choose_attention(q);
  if (q.use == AttentionUse::fused && !choice.fused) {
    throw UsageError(str("PHALANX_ATTENTION=cudnn, but ", choice.why));
  }
  return choice;
}

AttentionQuestion question_of(const Exec& exec, const Tensor& qkv, const AttentionMask& mask, const Dropout& dropout,
                              bool backward) {
  return {.use = attention_use(),
          .backward = backward,
          .deterministic = exec.deterministic,
          .dtype = qkv.dtype,
          .HS = qkv.size(4),
          .dropout = dropout.rate,
          .documents = kind_of(mask)};
}

}  // namespace phalanx::ops
