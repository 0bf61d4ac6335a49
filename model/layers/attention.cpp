#include "model/layers/attention.h"

#include "model/attention_probe.h"

namespace phalanx {
namespace {

ParamSpec qkv_weight(const AttentionOptions& o) {
  return {.name = o.prefix + "qkv.weight",
          .shape = {3, o.NH, o.C / o.NH, o.C},
          .split = Split::heads,
          .decay = true,
          .init = Init::normal,
          .init_std = o.init_std,
          .layer = o.layer};
}
std::optional<ParamSpec> qkv_bias(const AttentionOptions& o) {
  if (!o.biases) return std::nullopt;
  return ParamSpec{
      .name = o.prefix + "qkv.bias", .shape = {3, o.NH, o.C / o.NH}, .split = Split::heads, .layer = o.layer};
}
ParamSpec out_weight(const AttentionOptions& o) {
  return {.name = o.prefix + "out.weight",
          .shape = {o.C, o.C},
          .split = Split::columns,
          .decay = true,
          .init = Init::normal,
          .init_std = o.output_init_std,
          .layer = o.layer};
}
std::optional<ParamSpec> out_bias(const AttentionOptions& o) {
  if (!o.biases) return std::nullopt;
  return ParamSpec{.name = o.prefix + "out.bias", .shape = {o.C}, .layer = o.layer};
}

}  // namespace

SelfAttention::SelfAttention(ParamBuilder& builder, const AttentionOptions& options)
    : options_(options),
      qkv_(builder, qkv_weight(options), qkv_bias(options)),
      out_(builder, out_weight(options), out_bias(options)) {}

ops::AttentionMask SelfAttention::windowed(ops::AttentionMask mask) const {
  mask.window = options_.window;
  return mask;
}

// Rotary positions on queries and keys of qkv (S, N, 3 * NH_s * HS).
void SelfAttention::turn(const Context& ctx, const Tensor& qkv, ops::Turn direction) const {
  if (options_.rope_theta == 0.0F) return;
  const std::int64_t N = qkv.size(1);
  const Shape heads{N, 3, options_.NH / ctx.shards().total, options_.C / options_.NH};
  for (int s = 0; s < ctx.shards().count; ++s) {
    ops::rope(ctx.exec, {.qkv = qkv[s].view(heads),
                         .positions = ctx.positions,
                         .longest = N / ctx.sequences.size(0),
                         .theta = options_.rope_theta,
                         .turn = direction});
  }
}

void SelfAttention::forward_saved(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask,
                                  Saved& saved) const {
  const TensorShards& shards = ctx.shards();
  const std::int64_t N = x.size(0);
  const std::int64_t B = ctx.sequences.size(0);
  const std::int64_t T = N / B;
  const std::int64_t HS = options_.C / options_.NH;
  const std::int64_t NH_s = options_.NH / shards.total;
  saved.qkv = qkv_.forward(ctx, x);
  turn(ctx, saved.qkv, ops::Turn::forward);
  saved.out = ctx.take({shards.count, N, NH_s * HS});
  saved.lse = ctx.take({shards.count, B, NH_s, T}, DType::f32);
  for (int s = 0; s < shards.count; ++s) {
    ops::attention_forward(ctx.exec,
                           {.out = saved.out[s].view({B, T, NH_s, HS}),
                            .lse = saved.lse[s],
                            .qkv = saved.qkv[s].view({B, T, 3, NH_s, HS}),
                            .mask = windowed(mask),
                            .dropout = ctx.dropout(options_.dropout, Purpose::attention_dropout, options_.layer),
                            .first_head = static_cast<int>((shards.begin + s) * NH_s)});
  }
  if (ctx.probe != nullptr) {
    ENSURE(shards.total == 1, "attention is looked at on one shard, not ", shards.total);
    ctx.probe->record(ctx.exec, options_.layer, saved.qkv[0].view({B, T, 3, NH_s, HS}), windowed(mask));
  }
}

Tensor SelfAttention::forward(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask, Saved& saved) const {
  forward_saved(ctx, x, mask, saved);
  return out_.forward(ctx, saved.out);
}

Tensor SelfAttention::backward(const Context& ctx, const Tensor& dy, const Tensor& x, const ops::AttentionMask& mask,
                               const Saved& saved) const {
  const TensorShards& shards = ctx.shards();
  const std::int64_t N = x.size(0);
  const std::int64_t B = ctx.sequences.size(0);
  const std::int64_t T = N / B;
  const std::int64_t HS = options_.C / options_.NH;
  const std::int64_t NH_s = options_.NH / shards.total;
  const Tensor dout = out_.backward(ctx, dy, saved.out);
  const Tensor dqkv = ctx.take(saved.qkv.shape);
  for (int s = 0; s < shards.count; ++s) {
    ops::attention_backward(ctx.exec,
                            {.dqkv = dqkv[s].view({B, T, 3, NH_s, HS}),
                             .dout = dout[s].view({B, T, NH_s, HS}),
                             .qkv = saved.qkv[s].view({B, T, 3, NH_s, HS}),
                             .out = saved.out[s].view({B, T, NH_s, HS}),
                             .lse = saved.lse[s],
                             .mask = windowed(mask),
                             .dropout = ctx.dropout(options_.dropout, Purpose::attention_dropout, options_.layer),
                             .first_head = static_cast<int>((shards.begin + s) * NH_s)});
  }
  turn(ctx, dqkv, ops::Turn::backward);
  return qkv_.backward(ctx, dqkv, x, ColumnLinear::Bias::here);
}

SelfAttention::Cache SelfAttention::make_cache(const Context& ctx, std::int64_t B, std::int64_t T_max) const {
  const Shape shape{ctx.shards().count, B, options_.NH / ctx.shards().total, T_max, options_.C / options_.NH};
  return {ctx.take(shape), ctx.take(shape)};
}

void SelfAttention::fill_cache(const Context& ctx, const Saved& saved, const Cache& cache) const {
  const std::int64_t B = ctx.sequences.size(0);
  const std::int64_t NH_s = options_.NH / ctx.shards().total;
  const Shape rows{B, saved.qkv.size(1) / B, 3, NH_s, options_.C / options_.NH};
  for (int s = 0; s < ctx.shards().count; ++s) {
    ops::attention_fill_cache(ctx.exec, {.qkv = saved.qkv[s].view(rows), .k_cache = cache.k[s], .v_cache = cache.v[s]});
  }
}

Tensor SelfAttention::decode(const Context& ctx, const Tensor& x, const Cache& cache, int length) const {
  const TensorShards& shards = ctx.shards();
  const std::int64_t B = x.size(0);
  const std::int64_t HS = options_.C / options_.NH;
  const std::int64_t NH_s = options_.NH / shards.total;
  const Tensor qkv = qkv_.forward(ctx, x);
  const Tensor out = ctx.take({shards.count, B, NH_s * HS});
  for (int s = 0; s < shards.count; ++s) {
    ops::attention_decode(ctx.exec, {.out = out[s].view({B, NH_s, HS}),
                                     .qkv = qkv[s].view({B, 3, NH_s, HS}),
                                     .k_cache = cache.k[s],
                                     .v_cache = cache.v[s],
                                     .length = length});
  }
  return out_.forward(ctx, out);
}

}  // namespace phalanx
