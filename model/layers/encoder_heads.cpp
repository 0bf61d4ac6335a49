#include "model/layers/encoder_heads.h"

namespace phalanx {
namespace {

LmHead::Sums token_sums(const Tensor& sums) { return {sums.slice(kTokenLoss, 1), sums.slice(kCorrectTokens, 1)}; }
SentenceHead::Sums sentence_sums(const Tensor& sums) {
  return {sums.slice(kSentenceLoss, 1), sums.slice(kCorrectSentences, 1)};
}

void require_labels(const BatchTensors& batch) {
  ENSURE(batch.next_sentence.defined(), "the model has a next-sentence head, and the batch no sentence pairs");
}

std::optional<SentenceHead> make_sentence_head(ParamBuilder& builder, const NetworkOptions& o) {
  if (!o.next_sentence) return std::nullopt;
  return SentenceHead(builder, {.C = o.C, .init_std = o.init_std});
}

}  // namespace

EncoderHeads::EncoderHeads(ParamBuilder& builder, const NetworkOptions& o, const Options& options)
    : C_(static_cast<double>(o.C)),
      V_(static_cast<double>(o.V)),
      mlm_(builder, {.token_table = options.token_table,
                     .V = o.V,
                     .C = o.C,
                     .init_std = o.init_std,
                     .norm_epsilon = static_cast<float>(o.norm_epsilon),
                     .biases = options.biases}),
      sentence_(make_sentence_head(builder, o)) {}

void EncoderHeads::loss(const Context& ctx, const Tensor& x, const BatchTensors& batch, const Tensor& sums) const {
  mlm_.loss(ctx, x, batch.slots, batch.targets, token_sums(sums));
  if (!sentence_) return;
  require_labels(batch);
  sentence_->loss(ctx, x, batch.next_sentence, sentence_sums(sums));
}

Tensor EncoderHeads::loss_and_gradient(const Context& ctx, const Tensor& x, const BatchTensors& batch,
                                       const LossScale& scale, const Tensor& sums) const {
  const Tensor dx =
      mlm_.loss_and_gradient(ctx, x, batch.slots, batch.targets, static_cast<float>(scale.tokens), token_sums(sums));
  if (!sentence_) return dx;
  require_labels(batch);
  sentence_->loss_and_gradient(ctx, x, batch.next_sentence, static_cast<float>(scale.sentences), sentence_sums(sums),
                               dx);
  return dx;
}

EncoderHeads::Logits EncoderHeads::logits(const Context& ctx, const Tensor& x, const BatchTensors& batch) const {
  return {mlm_.logits(ctx, x, batch.slots), sentence_ ? sentence_->logits(ctx, x, batch.sequences.size(0)) : Tensor{}};
}
double EncoderHeads::products_per_token(const BatchShape& shape) const {
  const double rows = shape.P > 0 ? shape.P : shape.T;
  const double pairs = sentence_ ? C_ * C_ + 2 * C_ : 0.0;
  return (rows * (C_ * C_ + C_ * V_) + pairs) / shape.T;
}

}  // namespace phalanx
