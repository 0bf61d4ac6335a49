#include "model/bert.h"

#include "model/layers/batch_tensors.h"

namespace phalanx {
namespace {

std::vector<PostNormBlock> make_blocks(ParamBuilder& builder, const NetworkOptions& o) {
  std::vector<PostNormBlock> blocks;
  blocks.reserve(static_cast<std::size_t>(o.L));
  for (int layer = 0; layer < o.L; ++layer) {
    blocks.emplace_back(builder, BlockOptions{.layer = layer,
                                              .C = o.C,
                                              .NH = o.NH,
                                              .F = o.F,
                                              .init_std = o.init_std,
                                              .output_init_std = o.init_std,
                                              .dropout = o.dropout,
                                              .attention_dropout = o.attention_dropout,
                                              .activation = o.activation,
                                              .norm_epsilon = static_cast<float>(o.norm_epsilon)});
  }
  return blocks;
}

ops::AttentionMask full_mask(const BatchTensors& batch) {
  return {
      .causal = false, .document_begin = batch.document_begin, .document_end = batch.document_end, .runs = batch.runs};
}

Embedding::Ids ids_of(const BatchTensors& batch) { return {batch.tokens, batch.positions, batch.token_types}; }

}  // namespace

// What forward keeps for backward.
struct Bert::Saved {
  Norm::Saved embedding_norm;
  std::vector<PostNormBlock::Saved> blocks;
  PostNormBlock::Shared shared;
};

Bert::Bert(const NetworkOptions& options)
    : options_(options),
      embedding_(builder_,
                 {.V = options.V,
                  .C = options.C,
                  .T = options.T,
                  .token_types = options.token_types,
                  .init_std = options.init_std,
                  .dropout = options.dropout},
                 {.prefix = "embedding_norm.", .C = options.C, .epsilon = static_cast<float>(options.norm_epsilon)}),
      blocks_(make_blocks(builder_, options)),
      heads_(builder_, options, {.token_table = embedding_.token_table()}) {}

// Runs all blocks and keeps what each saves.
Tensor Bert::forward_blocks(const Context& ctx, const Tensor& x0, const ops::AttentionMask& mask, Saved& saved) const {
  if (options_.recompute == Recompute::full) return forward_blocks_in_turn(ctx, x0, mask, &saved);
  if (options_.recompute == Recompute::selective) {
    const TensorShards& shards = ctx.shards();
    saved.shared = {ctx.take(x0.shape), ctx.take(x0.shape),
                    ctx.take({shards.count, x0.size(0), options_.F / shards.total})};
  }
  Tensor x = x0;
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    x = blocks_[l].forward(ctx, x, mask, saved.shared, saved.blocks[l]);
  }
  return x;
}

// Runs all blocks in the memory of one. With `saved`, each block's input is kept for recomputation.
Tensor Bert::forward_blocks_in_turn(const Context& ctx, const Tensor& x0, const ops::AttentionMask& mask,
                                    Saved* saved) const {
  const Tensor buffer = ctx.take(x0.shape);
  Tensor x = x0;
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    const Tensor out = saved != nullptr && l + 1 < blocks_.size() ? ctx.take(x0.shape) : buffer;
    const Scratch scratch(*ctx.activations);
    PostNormBlock::Saved discarded;
    ctx.copy(out, blocks_[l].forward(ctx, x, mask, {}, discarded));
    if (saved != nullptr) saved->blocks[l].x = x;
    x = out;
  }
  return x;
}

void Bert::backward_blocks(const Context& ctx, const Tensor& d, const ops::AttentionMask& mask, Saved& saved) const {
  for (std::size_t l = blocks_.size(); l-- > 0;) {
    const Scratch scratch(*ctx.activations);
    PostNormBlock::Saved& block = saved.blocks[l];
    if (options_.recompute == Recompute::full) blocks_[l].forward(ctx, block.x, mask, {}, block);
    if (options_.recompute == Recompute::selective && l > 0) blocks_[l - 1].recompute_output(ctx, saved.blocks[l - 1]);
    blocks_[l].backward(ctx, d, mask, saved.shared, block);
  }
}

void Bert::forward_backward(const Context& outer, const Batch& batch, const LossScale& scale,
                            const Tensor& sums) const {
  Context ctx = outer;
  ctx.training = true;
  const Scratch scratch(*ctx.activations);
  ctx.enter(Phase::forward);
  const BatchTensors t = upload(ctx, batch);
  ctx.sequences = t.sequences;
  const ops::AttentionMask mask = full_mask(t);
  Saved saved;
  saved.blocks.resize(blocks_.size());
  const Tensor x0 = embedding_.forward(ctx, ids_of(t), saved.embedding_norm);
  const Tensor x = forward_blocks(ctx, x0, mask, saved);
  const Tensor d = heads_.loss_and_gradient(ctx, x, t, scale, sums);
  ctx.enter(Phase::backward);
  backward_blocks(ctx, d, mask, saved);
  embedding_.backward(ctx, d, ids_of(t), saved.embedding_norm);
}

Tensor Bert::encode(const Context& ctx, const BatchTensors& batch) const {
  Norm::Saved saved;
  return forward_blocks_in_turn(ctx, embedding_.forward(ctx, ids_of(batch), saved), full_mask(batch), nullptr);
}

void Bert::forward_loss(const Context& outer, const Batch& batch, const Tensor& sums) const {
  Context ctx = outer;
  ctx.training = false;
  const Scratch scratch(*ctx.activations);
  const BatchTensors t = upload(ctx, batch);
  ctx.sequences = t.sequences;
  heads_.loss(ctx, encode(ctx, t), t, sums);
}

EncoderHeads::Logits Bert::predict(const Context& outer, const Batch& batch) const {
  Context ctx = outer;
  ctx.training = false;
  const BatchTensors t = upload(ctx, batch);
  ctx.sequences = t.sequences;
  return heads_.logits(ctx, encode(ctx, t), t);
}

// As Gpt::flops_per_token, but each query sees T keys.
double Bert::flops_per_token(const BatchShape& shape) const {
  const auto C = static_cast<double>(options_.C);
  const double layer = 4 * C * C + 2 * C * static_cast<double>(options_.F) + 2 * C * static_cast<double>(shape.T);
  return 6.0 * (static_cast<double>(options_.L) * layer + heads_.products_per_token(shape));
}

}  // namespace phalanx
