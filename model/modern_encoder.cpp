#include "model/modern_encoder.h"

#include <algorithm>
#include <cmath>

namespace phalanx {
namespace {

bool is_global(const NetworkOptions& o, std::int64_t layer) { return layer % o.global_every == 0; }

std::vector<BlockOptions> layers_of(const NetworkOptions& o) {
  ENSURE(o.global_every >= 1, "model.global_every is ", o.global_every, ", expected at least 1");
  std::vector<BlockOptions> layers;
  for (int layer = 0; layer < o.L; ++layer) {
    const bool global = is_global(o, layer);
    layers.push_back({.layer = layer,
                      .C = o.C,
                      .NH = o.NH,
                      .F = o.F,
                      .init_std = o.init_std,
                      .output_init_std = o.init_std / std::sqrt(2.0F * static_cast<float>(o.L)),
                      .dropout = o.dropout,
                      .attention_dropout = o.attention_dropout,
                      .activation = o.activation,
                      .norm_epsilon = static_cast<float>(o.norm_epsilon),
                      .attention_norm = layer > 0,
                      .biases = false,
                      .gated = true,
                      .window = global ? 0 : static_cast<int>(o.local_attention / 2),
                      .rope_theta = static_cast<float>(global ? o.rope_theta : o.local_rope_theta)});
  }
  return layers;
}

NormOptions norm_options(const NetworkOptions& o, const char* prefix) {
  return {.prefix = prefix, .C = o.C, .epsilon = static_cast<float>(o.norm_epsilon), .beta = false};
}

ops::AttentionMask full_mask(const BatchTensors& batch) {
  return {
      .causal = false, .document_begin = batch.document_begin, .document_end = batch.document_end, .runs = batch.runs};
}

Embedding::Ids ids_of(const BatchTensors& batch) { return {batch.tokens, {}, {}}; }

// What layers need to know of the micro-batch.
void tell(Context& ctx, const BatchTensors& batch) {
  ctx.sequences = batch.sequences;
  ctx.positions = batch.positions;
}

}  // namespace

ModernEncoder::ModernEncoder(const NetworkOptions& options)
    : options_(options),
      embedding_(builder_, {.V = options.V, .C = options.C, .init_std = options.init_std, .dropout = options.dropout},
                 norm_options(options, "embedding_norm.")),
      blocks_(builder_, layers_of(options), options.recompute),
      final_norm_(builder_, norm_options(options, "final_norm.")),
      heads_(builder_, options, {.token_table = embedding_.token_table(), .biases = false}) {}

void ModernEncoder::forward_backward(const Context& outer, const Batch& batch, const LossScale& scale,
                                     const Tensor& sums) const {
  Context ctx = outer;
  ctx.training = true;
  const Scratch scratch(*ctx.activations);
  ctx.enter(Phase::forward);
  const BatchTensors t = upload(ctx, batch);
  tell(ctx, t);
  const ops::AttentionMask mask = full_mask(t);
  Norm::Saved embedding_saved, final_saved;
  BlockStack::Saved saved;
  const Tensor x0 = embedding_.forward(ctx, ids_of(t), embedding_saved);
  const ResidualStream stream = blocks_.forward(ctx, x0, mask, saved);
  final_norm_.forward(ctx, stream, final_saved);
  const Tensor dy = heads_.loss_and_gradient(ctx, final_saved.y, t, scale, sums);
  ctx.enter(Phase::backward);
  const Tensor dx0 = blocks_.backward(ctx, final_norm_.backward(ctx, dy, {}, stream, final_saved), mask, saved);
  embedding_.backward(ctx, dx0, ids_of(t), embedding_saved);
}

Tensor ModernEncoder::encode(const Context& ctx, const BatchTensors& batch) const {
  Norm::Saved embedding_saved, final_saved;
  const Tensor x0 = embedding_.forward(ctx, ids_of(batch), embedding_saved);
  final_norm_.forward(ctx, blocks_.forward_only(ctx, x0, full_mask(batch), nullptr), final_saved);
  return final_saved.y;
}

void ModernEncoder::forward_loss(const Context& outer, const Batch& batch, const Tensor& sums) const {
  Context ctx = outer;
  ctx.training = false;
  const Scratch scratch(*ctx.activations);
  const BatchTensors t = upload(ctx, batch);
  tell(ctx, t);
  heads_.loss(ctx, encode(ctx, t), t, sums);
}

EncoderHeads::Logits ModernEncoder::predict(const Context& outer, const Batch& batch) const {
  Context ctx = outer;
  ctx.training = false;
  const BatchTensors t = upload(ctx, batch);
  tell(ctx, t);
  return heads_.logits(ctx, encode(ctx, t), t);
}

// As Bert::flops_per_token, with three products in the MLP; a local layer sees its window.
double ModernEncoder::flops_per_token(const BatchShape& shape) const {
  const auto C = static_cast<double>(options_.C);
  double products = heads_.products_per_token(shape);
  for (std::int64_t layer = 0; layer < options_.L; ++layer) {
    const std::int64_t window = 2 * (options_.local_attention / 2) + 1;
    const std::int64_t keys = is_global(options_, layer) ? shape.T : std::min<std::int64_t>(shape.T, window);
    products += 4 * C * C + 3 * C * static_cast<double>(options_.F) + 2 * C * static_cast<double>(keys);
  }
  return 6.0 * products;
}

}  // namespace phalanx
