#include "model/layers/block_stack.h"

namespace phalanx {
namespace {

std::vector<TransformerBlock> make_blocks(ParamBuilder& builder, const std::vector<BlockOptions>& layers) {
  std::vector<TransformerBlock> blocks;
  blocks.reserve(layers.size());
  for (const BlockOptions& layer : layers) blocks.emplace_back(builder, layer);
  return blocks;
}

}  // namespace

BlockStack::BlockStack(ParamBuilder& builder, const std::vector<BlockOptions>& layers, Recompute recompute)
    : sizes_(layers.empty() ? BlockOptions{} : layers.front()),
      recompute_(recompute),
      blocks_(make_blocks(builder, layers)) {}

ResidualStream BlockStack::forward(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask,
                                   Saved& saved) const {
  saved.blocks.resize(blocks_.size());
  if (recompute_ == Recompute::full) return forward_in_turn(ctx, x, mask, &saved, nullptr);
  if (recompute_ == Recompute::selective) {
    const TensorShards& shards = ctx.shards();
    const std::int64_t N = x.size(0);
    saved.shared = {ctx.take({N, sizes_.C}), ctx.take({shards.count, N, sizes_.F / shards.total})};
  }
  ResidualStream stream{x, {}, -1, {}};
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    stream = blocks_[l].forward(ctx, stream, mask, saved.shared, saved.blocks[l]);
  }
  return stream;
}

ResidualStream BlockStack::forward_only(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask,
                                        const Cache* cache) const {
  return forward_in_turn(ctx, x, mask, nullptr, cache);
}

// Runs all blocks in the memory of one. With `saved`, each block's input sum is kept for recomputation; with `cache`,
// its keys and values for generation.
ResidualStream BlockStack::forward_in_turn(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask,
                                           Saved* saved, const Cache* cache) const {
  const Tensor residual = ctx.take(x.shape);
  std::vector<Tensor> branches(blocks_.size(), ctx.take(x.shape));  // the next norm writes its sum over the branch
  for (std::size_t l = 1; saved != nullptr && l < blocks_.size(); ++l) branches[l] = ctx.take(x.shape);
  ResidualStream stream{x, {}, -1, {}};
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

Tensor BlockStack::backward(const Context& ctx, StreamGradient d, const ops::AttentionMask& mask, Saved& saved) const {
  // With dropout a branch has a gradient of its own, which must outlive the scratch of the block that made it.
  const bool own_branch = ctx.dropout(sizes_.dropout, Purpose::residual_dropout_mlp, 0).rate > 0.0F;
  const Tensor dbranch = own_branch ? ctx.take(d.dresidual.shape) : Tensor{};
  for (std::size_t l = blocks_.size(); l-- > 0;) {
    const Scratch scratch(*ctx.activations);
    if (recompute_ == Recompute::full) blocks_[l].recompute(ctx, mask, saved.blocks[l]);
    d = blocks_[l].backward(ctx, d, mask, saved.shared, saved.blocks[l]);
    if (!own_branch || l == 0) continue;
    ctx.copy(dbranch, d.dbranch);
    d.dbranch = dbranch;
  }
  return d.dresidual;
}

BlockStack::Cache BlockStack::make_cache(const Context& ctx, std::int64_t B, std::int64_t T_max) const {
  Cache cache;
  for (const TransformerBlock& block : blocks_) cache.push_back(block.make_cache(ctx, B, T_max));
  return cache;
}

ResidualStream BlockStack::decode(const Context& ctx, const Tensor& x, const Cache& cache, int length) const {
  ResidualStream stream{x, {}, -1, {}};
  for (std::size_t l = 0; l < blocks_.size(); ++l) stream = blocks_[l].decode(ctx, stream, cache[l], length);
  return stream;
}

}  // namespace phalanx
