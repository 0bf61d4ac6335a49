#include "model/gpt.h"

#include <cmath>

#include "model/layers/batch_tensors.h"

namespace phalanx {
namespace {

std::vector<TransformerBlock> make_blocks(ParamBuilder& builder, const NetworkOptions& o) {
  // Projections into the residual stream start smaller, by the number of additions along it (GPT-2, section 2.3).
  const float output_std = o.init_std / std::sqrt(2.0F * static_cast<float>(o.L));
  std::vector<TransformerBlock> blocks;
  blocks.reserve(static_cast<std::size_t>(o.L));
  for (int layer = 0; layer < o.L; ++layer) {
    blocks.emplace_back(builder, BlockOptions{.layer = layer,
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
  return blocks;
}

ops::AttentionMask causal_mask(const BatchTensors& batch) {
  return {.causal = true, .document_begin = batch.document_begin, .document_end = batch.document_end};
}

LmHead::Sums token_sums(const Tensor& sums) { return {sums.slice(kTokenLoss, 1), sums.slice(kCorrectTokens, 1)}; }

}  // namespace

// What forward keeps for backward.
struct Gpt::Saved {
  std::vector<TransformerBlock::Saved> blocks;
  TransformerBlock::Shared shared;
};

Gpt::Gpt(const NetworkOptions& options)
    : options_(options),
      embedding_(
          builder_,
          {.V = options.V, .C = options.C, .T = options.T, .init_std = options.init_std, .dropout = options.dropout}),
      blocks_(make_blocks(builder_, options)),
      final_norm_(builder_, "final_norm.", options.C, -1, static_cast<float>(options.norm_epsilon)),
      head_(embedding_.token_table(), options.V) {}

TransformerBlock::Shared Gpt::make_shared_buffers(const Context& ctx, std::int64_t N) const {
  if (options_.recompute != Recompute::selective) return {};
  const TensorShards& shards = ctx.shards();
  return {ctx.take({N, options_.C}), ctx.take({shards.count, N, options_.F / shards.total})};
}

// Runs all blocks and keeps what each saves.
ResidualStream Gpt::forward_blocks(const Context& ctx, const ResidualStream& in, const ops::AttentionMask& mask,
                                   Saved& saved) const {
  if (options_.recompute == Recompute::full) return forward_blocks_in_turn(ctx, in, mask, &saved, nullptr);
  saved.shared = make_shared_buffers(ctx, in.residual.size(0));
  ResidualStream stream = in;
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    stream = blocks_[l].forward(ctx, stream, mask, saved.shared, saved.blocks[l]);
  }
  return stream;
}

// Runs all blocks in the memory of one. With `saved`, each block's input sum is kept for recomputation; with `cache`,
// its keys and values for generation.
ResidualStream Gpt::forward_blocks_in_turn(const Context& ctx, const ResidualStream& in, const ops::AttentionMask& mask,
                                           Saved* saved, const Cache* cache) const {
  const Shape rows = in.residual.shape;
  const Tensor residual = ctx.take(rows);
  std::vector<Tensor> branches(blocks_.size(), ctx.take(rows));  // the next norm writes its sum over the branch
  for (std::size_t l = 1; saved != nullptr && l < blocks_.size(); ++l) branches[l] = ctx.take(rows);
  ResidualStream stream = in;
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    const Scratch scratch(*ctx.activations);
    TransformerBlock::Saved discarded;
    TransformerBlock::Saved& kept = saved != nullptr ? saved->blocks[l] : discarded;
    const ResidualStream out = blocks_[l].forward(ctx, stream, mask, {}, kept);
    if (cache != nullptr) blocks_[l].fill_cache(ctx, kept, (*cache)[l]);
    ctx.copy(residual, out.residual);
    ctx.copy(branches[l], out.branch);
    stream = {residual, branches[l], out.bias, out.dropout};
  }
  return stream;
}

StreamGradient Gpt::backward_blocks(const Context& ctx, StreamGradient d, const ops::AttentionMask& mask,
                                    Saved& saved) const {
  // With dropout a branch has a gradient of its own, which must outlive the scratch of the block that made it.
  const bool own_branch = ctx.dropout(options_.dropout, Purpose::residual_dropout_mlp, 0).rate > 0.0F;
  const Tensor dbranch = own_branch ? ctx.take(d.dresidual.shape) : Tensor{};
  for (std::size_t l = blocks_.size(); l-- > 0;) {
    const Scratch scratch(*ctx.activations);
    if (options_.recompute == Recompute::full) blocks_[l].recompute(ctx, mask, saved.blocks[l]);
    d = blocks_[l].backward(ctx, d, mask, saved.shared, saved.blocks[l]);
    if (!own_branch || l == 0) continue;
    ctx.copy(dbranch, d.dbranch);
    d.dbranch = dbranch;
  }
  return d;
}

void Gpt::forward_backward(const Context& outer, const Batch& batch, const LossScale& scale, const Tensor& sums) const {
  Context ctx = outer;
  ctx.training = true;
  const Scratch scratch(*ctx.activations);
  ctx.enter(Phase::forward);
  const BatchTensors t = upload(ctx, batch);
  ctx.sequences = t.sequences;
  const ops::AttentionMask mask = causal_mask(t);
  Saved saved{std::vector<TransformerBlock::Saved>(blocks_.size()), {}};
  const Tensor x0 = embedding_.forward(ctx, {t.tokens, t.positions, {}});
  const ResidualStream stream = forward_blocks(ctx, {x0, {}, -1, {}}, mask, saved);
  Norm::Saved final_saved;
  final_norm_.forward(ctx, stream, final_saved);
  const Tensor dy =
      head_.loss_and_gradient(ctx, final_saved.y, t.targets, static_cast<float>(scale.tokens), token_sums(sums));
  ctx.enter(Phase::backward);
  StreamGradient d = final_norm_.backward(ctx, dy, {}, stream, final_saved);
  d = backward_blocks(ctx, d, mask, saved);
  embedding_.backward(ctx, d.dresidual, {t.tokens, t.positions, {}});
}

void Gpt::forward_loss(const Context& outer, const Batch& batch, const Tensor& sums) const {
  Context ctx = outer;
  ctx.training = false;
  const Scratch scratch(*ctx.activations);
  const BatchTensors t = upload(ctx, batch);
  ctx.sequences = t.sequences;
  const Tensor x0 = embedding_.forward(ctx, {t.tokens, t.positions, {}});
  const ResidualStream stream = forward_blocks_in_turn(ctx, {x0, {}, -1, {}}, causal_mask(t), nullptr, nullptr);
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

Gpt::Cache Gpt::make_cache(const Context& ctx, std::int64_t B) const {
  Cache cache;
  for (const TransformerBlock& block : blocks_) cache.push_back(block.make_cache(ctx, B, options_.T));
  return cache;
}

Tensor Gpt::prefill(const Context& ctx, const Tensor& tokens, const Tensor& positions, const Cache& cache,
                    int length) const {
  const Tensor x0 = embedding_.forward(ctx, {tokens, positions, {}});
  const ResidualStream stream = forward_blocks_in_turn(ctx, {x0, {}, -1, {}}, ops::AttentionMask{}, nullptr, &cache);
  Norm::Saved final_saved;
  final_norm_.forward(ctx, stream, final_saved);
  return head_.logits(ctx, final_saved.y.slice(length - 1, 1));
}

Tensor Gpt::decode(const Context& ctx, const Tensor& tokens, const Tensor& positions, const Cache& cache,
                   int length) const {
  ResidualStream stream{embedding_.forward(ctx, {tokens, positions, {}}), {}, -1, {}};
  for (std::size_t l = 0; l < blocks_.size(); ++l) stream = blocks_[l].decode(ctx, stream, cache[l], length);
  Norm::Saved final_saved;
  final_norm_.forward(ctx, stream, final_saved);
  return head_.logits(ctx, final_saved.y);
}

}  // namespace phalanx
