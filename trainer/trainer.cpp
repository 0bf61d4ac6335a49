#include "trainer/trainer.h"

#include <cmath>

#include "core/clock.h"
#include "trainer/schedule.h"

namespace phalanx {
namespace {

AdamwOptions adamw_options(const config::Optimizer& o) {
  return {static_cast<float>(o.beta1), static_cast<float>(o.beta2), static_cast<float>(o.epsilon),
          static_cast<float>(o.weight_decay)};
}

}  // namespace

Trainer::Trainer(const config::Config& config, Replica& replica, Groups groups, double peak_flops)
    : config_(config), replica_(replica), groups_(groups), peak_flops_(peak_flops) {}

StepStats Trainer::step(const data::StepBatch& batch, double data_wait_seconds) {
  const auto start = Clock::now();
  PhaseClock& clock = replica_.clock();
  clock.enter(Phase::forward);
  clock.take();  // what lies between steps is no part of one
  const Counts counts = global_counts(batch);
  accumulate_gradients(batch, counts.predicted);
  clock.enter(Phase::reduce);
  replica_.reducer().finish({});  // gradients are now summed over the data axis
  clock.enter(Phase::optimizer);
  const Norm norm = reduce_norm();  // the same numbers on every rank,
  require_finite(norm);             // so every rank takes the same branch
  const double rate =
      learning_rate(config_.schedule, config_.optimizer.learning_rate, config_.training.steps, progress_.step);
  ++progress_.adam_t;
  replica_.optimizer().update(replica_.context().exec, adamw_options(config_.optimizer), static_cast<float>(rate),
                              static_cast<float>(clip_factor(norm.gradient, config_.training.gradient_clip)),
                              progress_.adam_t);
  replica_.publish_weights();
  ++progress_.step;
  progress_.sequences_consumed += config_.training.global_batch;
  progress_.tokens_consumed += counts.tokens;
  progress_.loss = counts.predicted > 0 ? norm.loss_sum / static_cast<double>(counts.predicted) : 0.0;
  StepStats stats = make_stats(norm, counts, rate, seconds_since(start) + data_wait_seconds);
  stats.data_wait_seconds = data_wait_seconds;
  stats.phase_seconds[static_cast<std::size_t>(Phase::data)] = data_wait_seconds;
  return stats;
}

Trainer::Counts Trainer::global_counts(const data::StepBatch& batch) {
  std::int64_t counts[2] = {batch.predicted, batch.tokens};
  groups_.data->all_reduce(host_tensor(counts, {2}), Reduce::sum, {});
  return {counts[0], counts[1]};
}

void Trainer::accumulate_gradients(const data::StepBatch& batch, std::int64_t predicted) {
  fill_zero(replica_.parameters().flat_gradients(), {});
  fill_zero(replica_.loss_sum(), {});
  const LossScale scale{predicted > 0 ? 1.0 / static_cast<double>(predicted) : 0.0};
  for (std::size_t i = 0; i < batch.micro.size(); ++i) {
    if (i + 1 == batch.micro.size()) replica_.reducer().begin_last_backward();
    replica_.network().forward_backward(replica_.context(), batch.micro[i], scale, replica_.loss_sum());
  }
}

Trainer::Norm Trainer::reduce_norm() {
  std::vector<double> sums =
      replica_.grad_norm().local_sums(replica_.context().exec, replica_.parameters().flat_gradients());
  const bool counts_loss = replica_.options().coord.tensor == 0;  // tensor peers hold the same loss
  sums.push_back(counts_loss ? *replica_.loss_sum().as<double>() : 0.0);
  groups_.world->all_reduce(host_tensor(sums.data(), {static_cast<std::int64_t>(sums.size())}), Reduce::sum, {});
  Norm norm{sums.back(), 0.0};
  sums.pop_back();
  for (double& sum : sums) {
    norm.gradient += sum;
    sum = std::sqrt(sum);
  }
  norm.gradient = std::sqrt(norm.gradient);
  layer_norms_ = std::move(sums);
  return norm;
}

void Trainer::require_finite(const Norm& norm) {
  if (std::isfinite(norm.loss_sum) && std::isfinite(norm.gradient)) return;
  std::int64_t first = replica_.grad_norm().first_not_finite();
  groups_.world->all_reduce(host_tensor(&first, {1}), Reduce::min, {});
  const ParamTable& table = replica_.layout().table();
  const std::string where = first < static_cast<std::int64_t>(table.size())
                                ? str("first bad gradient: ", table[static_cast<std::size_t>(first)].name)
                                : std::string("all gradients are finite");
  throw AgreedError(str("step ", progress_.step + 1, ": loss or gradients are not finite (loss sum ", norm.loss_sum,
                        ", gradient norm ", norm.gradient, "; ", where,
                        "); nothing was updated. Lower optimizer.learning_rate, lengthen schedule.warmup_steps or "
                        "look at the data of this step"));
}

StepStats Trainer::make_stats(const Norm& norm, const Counts& counts, double learning_rate, double seconds) {
  StepStats s;
  s.step = progress_.step;
  s.time = unix_seconds();
  s.loss = progress_.loss;
  s.learning_rate = learning_rate;
  s.gradient_norm = norm.gradient;
  s.tokens = progress_.tokens_consumed;
  s.step_tokens = counts.tokens;
  s.step_seconds = seconds;
  s.tokens_per_second = static_cast<double>(counts.tokens) / seconds;
  s.flops_per_second = s.tokens_per_second * replica_.network().flops_per_token(config_.model.context);
  s.model_flops_utilization_ratio = peak_flops_ > 0 ? s.flops_per_second / peak_flops_ : 0.0;
  s.eta_seconds = seconds * static_cast<double>(config_.training.steps - progress_.step);
  s.phase_seconds = replica_.clock().take();
  return s;
}

ValidationStats Trainer::evaluate(const std::vector<Batch>& batches) {
  const auto start = Clock::now();
  fill_zero(replica_.loss_sum(), {});
  std::int64_t predicted = 0;
  for (const Batch& batch : batches) {
    replica_.network().forward_loss(replica_.context(), batch, replica_.loss_sum());
    predicted += batch.predicted;
  }
  double sums[2] = {*replica_.loss_sum().as<double>(), static_cast<double>(predicted)};
  groups_.data->all_reduce(host_tensor(sums, {2}), Reduce::sum, {});
  ValidationStats stats;
  stats.step = progress_.step;
  stats.time = unix_seconds();
  stats.tokens = static_cast<std::int64_t>(sums[1]);
  stats.loss = sums[1] > 0 ? sums[0] / sums[1] : 0.0;
  stats.seconds = seconds_since(start);
  return stats;
}

}  // namespace phalanx
