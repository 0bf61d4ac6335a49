#include "model/layers/lm_head.h"

#include <algorithm>

#include "model/layers/vocabulary_part.h"
#include "model/ops/cross_entropy.h"

namespace phalanx {

Tensor LmHead::logits(const Context& ctx, const Tensor& x) const {
  const int S = ctx.shards().count;
  const std::int64_t V_s = ctx.parameters->matrix(token_table_, 0).plain.size(0);
  const Tensor z = ctx.take({S, x.size(0), V_s});
  for (int s = 0; s < S; ++s) {
    ops::linear_forward(ctx.exec, {.y = z[s],
                                   .x = x,
                                   .w = ctx.parameters->matrix(token_table_, s),
                                   .bias = bias_ < 0 ? Tensor{} : ctx.parameters->weight(bias_, s)});
  }
  return z;
}

LmHead::Chunk LmHead::chunk_loss(const Context& ctx, const Tensor& x, const Tensor& targets, const Sums& sums) const {
  const TensorShards& shards = ctx.shards();
  const std::int64_t n = x.size(0);
  const Chunk chunk{logits(ctx, x), ctx.take({n}, DType::f32)};
  const Tensor mine = ctx.take({shards.count, n, 3}, DType::f32);
  for (int s = 0; s < shards.count; ++s) {
    const VocabularyPart part = vocabulary_part(V_, shards.begin + s, shards.total);
    ops::cross_entropy_stats(ctx.exec, {.stats = mine[s],
                                        .logits = chunk.logits[s],
                                        .targets = targets,
                                        .vocabulary_begin = part.begin,
                                        .valid = part.valid});
  }
  Tensor all = mine;
  if (shards.total > shards.count) {
    all = ctx.take({shards.total, n, 3}, DType::f32);
    if (!ctx.exec.planning()) ctx.tensor->gather_parts(all, mine, ctx.exec.stream);
  }
  ops::cross_entropy_combine(ctx.exec, {.lse = chunk.lse,
                                        .losses = ctx.take({n}, DType::f32),
                                        .loss_sum = sums.loss,
                                        .correct = sums.correct,
                                        .stats = all,
                                        .targets = targets});
  return chunk;
}

void LmHead::chunk_gradient(const Context& ctx, const Chunk& chunk, const Tensor& dx, const Tensor& x,
                            const Tensor& targets, float scale, ops::Write write) const {
  const TensorShards& shards = ctx.shards();
  const Tensor partials =
      shards.count == 1 ? dx.view({1, dx.size(0), dx.size(1)}) : ctx.take({shards.count, dx.size(0), dx.size(1)});
  for (int s = 0; s < shards.count; ++s) {
    const VocabularyPart part = vocabulary_part(V_, shards.begin + s, shards.total);
    const Tensor dlogits = chunk.logits[s];
    ops::cross_entropy_backward(ctx.exec, {.logits = dlogits,
                                           .lse = chunk.lse,
                                           .targets = targets,
                                           .vocabulary_begin = part.begin,
                                           .valid = part.valid,
                                           .scale = scale});
    const ops::LinearWeight& w = ctx.parameters->matrix(token_table_, s);
    ops::linear_backward_input(ctx.exec, {.dx = partials[s], .dy = dlogits, .w = w});
    ops::linear_backward_weight(ctx.exec, {.dw = ctx.parameters->gradient(token_table_, s),
                                           .dbias = bias_ < 0 ? Tensor{} : ctx.parameters->gradient(bias_, s),
                                           .dy = dlogits,
                                           .x = x,
                                           .write = write});
  }
  const Tensor sum = ctx.sum_over_shards(partials);
  if (shards.count > 1) ctx.copy(dx, sum);
}

void LmHead::loss(const Context& ctx, const Tensor& x, const Tensor& targets, const Sums& sums) const {
  for (std::int64_t begin = 0; begin < x.size(0); begin += kChunkRows) {
    const Scratch scratch(*ctx.activations);
    const std::int64_t n = std::min(kChunkRows, x.size(0) - begin);
    chunk_loss(ctx, x.slice(begin, n), targets.slice(begin, n), sums);
  }
}

Tensor LmHead::loss_and_gradient(const Context& ctx, const Tensor& x, const Tensor& targets, float scale,
                                 const Sums& sums) const {
  const Tensor dx = ctx.take(x.shape);
  for (std::int64_t begin = 0; begin < x.size(0); begin += kChunkRows) {
    const Scratch scratch(*ctx.activations);
    const std::int64_t n = std::min(kChunkRows, x.size(0) - begin);
    const Tensor x_n = x.slice(begin, n);
    const Tensor targets_n = targets.slice(begin, n);
    ctx.enter(Phase::forward);
    const Chunk chunk = chunk_loss(ctx, x_n, targets_n, sums);
    ctx.enter(Phase::backward);
    chunk_gradient(ctx, chunk, dx.slice(begin, n), x_n, targets_n, scale,
                   begin == 0 ? ctx.matrix_gradients : ops::Write::accumulate);
  }
  if (bias_ >= 0) ctx.ready(bias_);
  return dx;
}

}  // namespace phalanx
