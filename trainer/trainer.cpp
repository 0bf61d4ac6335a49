#include "trainer/trainer.h"

#include <cmath>

#include "core/clock.h"
#include "trainer/build.h"
#include "trainer/schedule.h"

namespace phalanx {
namespace {

AdamwOptions adamw_options(const config::Optimizer& o) {
  return {static_cast<float>(o.beta1), static_cast<float>(o.beta2), static_cast<float>(o.epsilon),
          static_cast<float>(o.weight_decay)};
}

// What a term that is predicted `count` times is divided by, as a factor; without any the term is zero.
double share_of(std::int64_t count) { return count > 0 ? 1.0 / static_cast<double>(count) : 0.0; }

double mean_of(double sum, std::int64_t count) { return count > 0 ? sum / static_cast<double>(count) : 0.0; }

}  // namespace

Trainer::Trainer(const config::Config& config, Replica& replica, Groups groups, double peak_flops)
    : config_(config),
      stage_(config::stage_at(config, 0)),
      replica_(replica),
      groups_(groups),
      peak_flops_(peak_flops),
      sums_(config.run.same_on_any_layout()
                ? make_layout_sums(replica, groups, static_cast<int>(config.run.data_shards.value))
                : make_same_layout_sums(replica, groups)),
      watch_(replica, *groups.world, *groups.data) {}

StepStats Trainer::step(const data::StepBatch& batch, double data_wait_seconds) {
  const auto start = Clock::now();
  if (!stage_.holds(progress_.step)) stage_ = config::stage_at(config_, progress_.step);
  const config::Config& now = stage_.config;
  PhaseClock& clock = replica_.clock();
  clock.enter(Phase::forward);
  clock.take();  // what lies between steps is no part of one
  const Counts counts = global_counts(batch);
  sums_->sum_gradients(batch, {.tokens = share_of(counts.predicted), .sentences = share_of(counts.pairs)});
  clock.enter(Phase::optimizer);
  const Totals totals = take_totals();  // the same numbers on every rank,
  watch_.end();                         // (a flipped bit is named before what it may have done)
  require_finite(totals);               // so every rank takes the same branch
  const double rate =
      learning_rate(now.schedule, now.optimizer.learning_rate, now.training.steps, progress_.step - stage_.phase_begin);
  ++progress_.adam_t;
  replica_.update(adamw_options(config_.optimizer), rate,
                  clip_factor(totals.gradient_norm, config_.training.gradient_clip), progress_.adam_t, *groups_.world);
  ++progress_.step;
  progress_.sequences_consumed += now.training.global_batch;
  progress_.phase = static_cast<int>(stage_.phase);
  progress_.tokens_consumed += counts.tokens;
  progress_.loss =
      mean_of(totals.loss[kTokenLoss], counts.predicted) + mean_of(totals.loss[kSentenceLoss], counts.pairs);
  const std::int64_t every = config_.run.digest_every;
  const bool digests = every > 0 && progress_.step % every == 0;
  const std::string digest = digests ? digest_text(combined(watch_.begin(progress_.step))) : std::string();
  StepStats stats = make_stats(totals, counts, rate, seconds_since(start) + data_wait_seconds);
  stats.data_wait_seconds = data_wait_seconds;
  stats.phase_seconds[static_cast<std::size_t>(Phase::data)] = data_wait_seconds;
  stats.digest = digest;
  return stats;
}

StateDigest Trainer::checked_digest() { return watch_.checked(progress_.step); }

Trainer::Counts Trainer::global_counts(const data::StepBatch& batch) {
  std::int64_t counts[3] = {batch.predicted, batch.predicted_pairs, batch.tokens};
  groups_.data->all_reduce(host_tensor(counts, {3}), Reduce::sum, {});
  return {.predicted = counts[0], .pairs = counts[1], .tokens = counts[2]};
}

Trainer::Totals Trainer::take_totals() {
  const StepTotals sums = sums_->totals();
  Totals totals{sums.loss, 0.0};
  layer_norms_.clear();
  for (const double sum : sums.squares) {
    totals.gradient_norm += sum;
    layer_norms_.push_back(std::sqrt(sum));
  }
  totals.gradient_norm = std::sqrt(totals.gradient_norm);
  return totals;
}

void Trainer::require_finite(const Totals& totals) {
  const double loss_sum = totals.loss[kTokenLoss] + totals.loss[kSentenceLoss];
  if (std::isfinite(loss_sum) && std::isfinite(totals.gradient_norm)) return;
  std::int64_t first =
      replica_.grad_norm().first_not_finite(replica_.context().exec, replica_.parameters().flat_gradients());
  groups_.world->all_reduce(host_tensor(&first, {1}), Reduce::min, {});
  const ParamTable& table = replica_.layout().table();
  const std::string where = first < static_cast<std::int64_t>(table.size())
                                ? str("first bad gradient: ", table[static_cast<std::size_t>(first)].name)
                                : std::string("all gradients are finite");
  throw AgreedError(str("step ", progress_.step + 1, ": loss or gradients are not finite (loss sum ", loss_sum,
                        ", gradient norm ", totals.gradient_norm, "; ", where,
                        "); nothing was updated. Lower optimizer.learning_rate, lengthen schedule.warmup_steps or "
                        "look at the data of this step"));
}

StepStats Trainer::make_stats(const Totals& totals, const Counts& counts, double learning_rate, double seconds) {
  StepStats s;
  s.step = progress_.step;
  s.time = unix_seconds();
  s.loss = progress_.loss;
  s.learning_rate = learning_rate;
  s.gradient_norm = totals.gradient_norm;
  s.tokens = progress_.tokens_consumed;
  s.step_tokens = counts.tokens;
  s.step_seconds = seconds;
  s.tokens_per_second = static_cast<double>(counts.tokens) / seconds;
  s.flops_per_second = s.tokens_per_second * replica_.network().flops_per_token(batch_shape(stage_.config));
  s.model_flops_utilization_ratio = peak_flops_ > 0 ? s.flops_per_second / peak_flops_ : 0.0;
  s.eta_seconds = seconds * static_cast<double>(config_.training.steps - progress_.step);
  s.phase_seconds = replica_.clock().take();
  return s;
}

ValidationStats Trainer::evaluate(const std::vector<Batch>& batches) {
  const auto start = Clock::now();
  ValidationStats stats;
  std::int64_t counts[2] = {0, 0};
  for (const Batch& batch : batches) {
    counts[0] += batch.predicted;
    counts[1] += batch.predicted_pairs;
  }
  groups_.data->all_reduce(host_tensor(counts, {2}), Reduce::sum, {});
  const LossSums sums = sums_->evaluate(batches);
  stats.step = progress_.step;
  stats.time = unix_seconds();
  stats.tokens = counts[0];
  stats.pairs = counts[1];
  stats.token_loss = mean_of(sums[kTokenLoss], stats.tokens);
  stats.sentence_loss = mean_of(sums[kSentenceLoss], stats.pairs);
  stats.loss = stats.token_loss + stats.sentence_loss;
  stats.token_accuracy = mean_of(sums[kCorrectTokens], stats.tokens);
  stats.sentence_accuracy = mean_of(sums[kCorrectSentences], stats.pairs);
  stats.seconds = seconds_since(start);
  return stats;
}

}  // namespace phalanx
