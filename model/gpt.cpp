#include "model/gpt.h"

#include <cmath>

#include "model/layers/batch_tensors.h"

namespace phalanx {
namespace {

std::vector<BlockOptions> layers_of(const NetworkOptions& o) {
  // Projections into the residual stream start smaller, by the number of additions along it (GPT-2, section 2.3).
  const float output_std = o.init_std / std::sqrt(2.0F * static_cast<float>(o.L));
  std::vector<BlockOptions> layers;
  layers.reserve(static_cast<std::size_t>(o.L));
  for (int layer = 0; layer < o.L; ++layer) {
    layers.push_back({.layer = layer,
                      .C = o.C,
                      .NH = o.NH,
                      .F = o.F,
                      .init_std = o.init_std,
                      .output_init_std = output_std,
                      .dropout = o.dropout,
                      .attention_dropout = o.attention_dropout,
                      .activation = o.activation,
                      .norm_epsilon = static_cast<float>(o.norm_epsilon)});
  }
  return layers;
}

ops::AttentionMask causal_mask(const BatchTensors& batch) {
  return {
      .causal = true, .document_begin = batch.document_begin, .document_end = batch.document_end, .runs = batch.runs};
}

LmHead::Sums token_sums(const Tensor& sums) { return {sums.slice(kTokenLoss, 1), sums.slice(kCorrectTokens, 1)}; }

}  // namespace

Gpt::Gpt(const NetworkOptions& options)
    : options_(options),
      embedding_(
          builder_,
          {.V = options.V, .C = options.C, .T = options.T, .init_std = options.init_std, .dropout = options.dropout}),
      blocks_(builder_, layers_of(options), options.recompute),
      final_norm_(builder_,
                  {.prefix = "final_norm.", .C = options.C, .epsilon = static_cast<float>(options.norm_epsilon)}),
      head_(embedding_.token_table(), options.V) {}

void Gpt::forward_backward(const Context& outer, const Batch& batch, const LossScale& scale, const Tensor& sums) const {
  Context ctx = outer;
  ctx.training = true;
  const Scratch scratch(*ctx.activations);
  ctx.enter(Phase::forward);
  const BatchTensors t = upload(ctx, batch);
  ctx.sequences = t.sequences;
  const ops::AttentionMask mask = causal_mask(t);
  BlockStack::Saved saved;
  const Tensor x0 = embedding_.forward(ctx, {t.tokens, t.positions, {}});
  const ResidualStream stream = blocks_.forward(ctx, x0, mask, saved);
  Norm::Saved final_saved;
  final_norm_.forward(ctx, stream, final_saved);
  const Tensor dy =
      head_.loss_and_gradient(ctx, final_saved.y, t.targets, static_cast<float>(scale.tokens), token_sums(sums));
  ctx.enter(Phase::backward);
  const Tensor dx0 = blocks_.backward(ctx, final_norm_.backward(ctx, dy, {}, stream, final_saved), mask, saved);
  embedding_.backward(ctx, dx0, {t.tokens, t.positions, {}});
}

void Gpt::forward_loss(const Context& outer, const Batch& batch, const Tensor& sums) const {
  Context ctx = outer;
  ctx.training = false;
  const Scratch scratch(*ctx.activations);
  const BatchTensors t = upload(ctx, batch);
  ctx.sequences = t.sequences;
  const Tensor x0 = embedding_.forward(ctx, {t.tokens, t.positions, {}});
  const ResidualStream stream = blocks_.forward_only(ctx, x0, causal_mask(t), nullptr);
  Norm::Saved final_saved;
  final_norm_.forward(ctx, stream, final_saved);
  head_.loss(ctx, final_saved.y, t.targets, token_sums(sums));
}

// Products per token: 4 C² in attention (QKV, out), 2 C F in the MLP, C V in the head; forward, and twice that in
// backward; 2 operations each. Attention scores and their use: 2 products of C over the (T + 1) / 2 visible keys.
double Gpt::flops_per_token(const BatchShape& shape) const {
  const auto C = static_cast<double>(options_.C);
  const double layer = 4 * C * C + 2 * C * static_cast<double>(options_.F) + C * static_cast<double>(shape.T + 1);
  const double head = C * static_cast<double>(options_.V);
  return 6.0 * (static_cast<double>(options_.L) * layer + head);
}

Gpt::Cache Gpt::make_cache(const Context& ctx, std::int64_t B) const { return blocks_.make_cache(ctx, B, options_.T); }

Tensor Gpt::prefill(const Context& ctx, const Tensor& tokens, const Tensor& positions, const Cache& cache,
                    int length) const {
  const Tensor x0 = embedding_.forward(ctx, {tokens, positions, {}});
  const ResidualStream stream = blocks_.forward_only(ctx, x0, ops::AttentionMask{}, &cache);
  Norm::Saved final_saved;
  final_norm_.forward(ctx, stream, final_saved);
  return head_.logits(ctx, final_saved.y.slice(length - 1, 1));
}

Tensor Gpt::decode(const Context& ctx, const Tensor& tokens, const Tensor& positions, const Cache& cache,
                   int length) const {
  const Tensor x = embedding_.forward(ctx, {tokens, positions, {}});
  const ResidualStream stream = blocks_.decode(ctx, x, cache, length);
  Norm::Saved final_saved;
  final_norm_.forward(ctx, stream, final_saved);
  return head_.logits(ctx, final_saved.y);
}

}  // namespace phalanx
