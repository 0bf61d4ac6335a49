#include "model/layers/sentence_head.h"

#include "model/ops/cross_entropy.h"
#include "model/ops/gather_rows.h"
#include "model/ops/tanh.h"

namespace phalanx {

SentenceHead::SentenceHead(ParamBuilder& builder, const Options& o)
    : pooler_(builder, {.prefix = "pooler.", .IC = o.C, .OC = o.C, .init_std = o.init_std}),
      classifier_(builder, {.prefix = "next_sentence.", .IC = o.C, .OC = kClasses, .init_std = o.init_std}) {}

// -> logits (B, kClasses)
Tensor SentenceHead::forward(const Context& ctx, const Tensor& x, std::int64_t B, Saved& saved) const {
  saved.first = ctx.take({B, x.size(1)});
  ops::gather_rows(ctx.exec, {.y = saved.first, .x = x, .rows = {}});
  saved.pooled = pooler_.forward(ctx, saved.first);
  ops::tanh_forward(ctx.exec, {.y = saved.pooled, .x = saved.pooled});
  return classifier_.forward(ctx, saved.pooled);
}

Tensor SentenceHead::forward_loss(const Context& ctx, const Tensor& x, const Tensor& labels, const Sums& sums,
                                  Saved& saved) const {
  const std::int64_t B = labels.size(0);
  const Tensor logits = forward(ctx, x, B, saved);
  const Tensor stats = ctx.take({1, B, 3}, DType::f32);
  saved.lse = ctx.take({B}, DType::f32);
  ops::cross_entropy_stats(
      ctx.exec, {.stats = stats[0], .logits = logits, .targets = labels, .vocabulary_begin = 0, .valid = kClasses});
  ops::cross_entropy_combine(ctx.exec, {.lse = saved.lse,
                                        .losses = ctx.take({B}, DType::f32),
                                        .loss_sum = sums.loss,
                                        .correct = sums.correct,
                                        .stats = stats,
                                        .targets = labels});
  return logits;
}

void SentenceHead::loss(const Context& ctx, const Tensor& x, const Tensor& labels, const Sums& sums) const {
  const Scratch scratch(*ctx.activations);
  Saved saved;
  forward_loss(ctx, x, labels, sums, saved);
}

void SentenceHead::loss_and_gradient(const Context& ctx, const Tensor& x, const Tensor& labels, float scale,
                                     const Sums& sums, const Tensor& dx) const {
  const Scratch scratch(*ctx.activations);
  Saved saved;
  const Tensor dlogits = forward_loss(ctx, x, labels, sums, saved);
  ops::cross_entropy_backward(ctx.exec, {.logits = dlogits,
                                         .lse = saved.lse,
                                         .targets = labels,
                                         .vocabulary_begin = 0,
                                         .valid = kClasses,
                                         .scale = scale});
  const Tensor dpooled = classifier_.backward(ctx, dlogits, saved.pooled);
  ops::tanh_backward(ctx.exec, {.dx = dpooled, .dy = dpooled, .y = saved.pooled});
  const Tensor dfirst = pooler_.backward(ctx, dpooled, saved.first);
  ops::scatter_rows(ctx.exec, {.dx = dx, .dy = dfirst, .rows = {}, .write = ops::Write::accumulate});
}

Tensor SentenceHead::logits(const Context& ctx, const Tensor& x, std::int64_t B) const {
  Saved saved;
  return forward(ctx, x, B, saved);
}

}  // namespace phalanx
