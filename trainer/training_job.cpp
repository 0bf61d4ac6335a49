#include "trainer/training_job.h"

#include <array>

#include "core/clock.h"
#include "core/log.h"
#include "trainer/agree.h"
#include "trainer/build.h"
#include "trainer/config/resolve.h"
#include "trainer/signals.h"
#include "trainer/watchdog/test_hang.h"

namespace phalanx {
TrainingJob::~TrainingJob() = default;

void TrainingJob::run() {
  try {
    prepare();
    const bool stopped = !train();
    beacon_->enter(watchdog::Activity::checkpoint, trainer_->progress().step);
    stopped && !config_.checkpoint.on_signal ? saver_->finish() : saver_->save_last();
    beacon_->enter(watchdog::Activity::end, trainer_->progress().step);
    note_end(stopped);
  } catch (const std::exception& error) {
    if (leads()) {
      folder_->set_failed(trainer_ ? trainer_->progress().step : 0, saver_ ? saver_->path() : "", error.what());
    }
    throw;
  }
}

// Steps until all are done (true) or a signal asks to stop (false).
bool TrainingJob::train() {
  while (trainer_->progress().step < config_.training.steps) {
    train_one_step();
    const bool stop = agree_to_stop();
    if (is_due(config_.evaluation.every)) evaluate();
    if (stop && trainer_->progress().step < config_.training.steps) return false;
    if (!is_due(config_.checkpoint.every)) continue;
    beacon_->enter(watchdog::Activity::checkpoint, trainer_->progress().step);
    saver_->save();
  }
  return true;
}

// One reduction of flags: the same answers on every rank.
bool TrainingJob::agree_to_stop() {
  const checkpoint::BackgroundSave::Flags save = saver_->flags();
  std::array<bool, 3> flags = {stop_requested(), save.busy, save.failed};
  if (watchdog::skips_collective(runtime_.world_rank(), trainer_->progress().step)) return false;
  any_rank(runtime_.world(), flags);
  saver_->advance({flags[1], flags[2]});
  return flags[0];
}

void TrainingJob::train_one_step() {
  const std::int64_t step = trainer_->progress().step + 1;
  beacon_->enter(watchdog::Activity::step, step);
  replica_->clock().enter(Phase::data);
  watchdog::sleep_in_data_if_asked(runtime_.world_rank(), step);
  if (!stage_.holds(step - 1)) open_stage();
  const data::StepBatch& batch = loader_->next();
  const double waited = loader_->wait_seconds();
  const double before = collective_seconds();
  const StepStats stats = trainer_->step(batch, waited - waited_);
  waited_ = waited;
  report_step(stats, stats.step_seconds - (collective_seconds() - before));
}

// own_seconds: of the step, without collectives, in which all ranks wait for the slowest.
void TrainingJob::report_step(const StepStats& stats, double own_seconds) {
  Communicator& world = runtime_.world();
  std::vector<double> rank_seconds(static_cast<std::size_t>(world.size()));
  world.all_gather(host_tensor(rank_seconds.data(), {world.size()}), host_tensor(&own_seconds, {1}), {});
  if (rank_metrics_) rank_metrics_->report(stats, usage(), replica_->memory().bytes());
  if (!leads()) return;
  metrics_->set_rank_seconds(rank_seconds, stats.time);
  metrics_->set_usage(usage());
  metrics_->set_memory(replica_->memory().bytes());
  metrics_->set_layer_gradient_norms(trainer_->layer_gradient_norms());
  metrics_->on_step(stats);
}

std::vector<Communicator::Usage> TrainingJob::usage() const {
  std::vector<Communicator::Usage> all;
  for (const Communicator* group : {&runtime_.world(), axes_.data.get(), axes_.tensor.get()}) {
    const std::vector<Communicator::Usage> some = group->usage();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

double TrainingJob::collective_seconds() const {
  double seconds = 0;
  for (const Communicator::Usage& operation : usage()) seconds += operation.seconds;
  return seconds;
}

bool TrainingJob::is_due(std::int64_t every) const { return every > 0 && trainer_->progress().step % every == 0; }

void TrainingJob::evaluate() {
  if (config_.data.validation.empty()) return;
  beacon_->enter(watchdog::Activity::evaluation, trainer_->progress().step);
  const ValidationStats stats = trainer_->evaluate(validation_);
  if (leads()) metrics_->on_validation(stats);
}

checkpoint::Provenance TrainingJob::provenance() const {
  return {.config_yaml = config::to_yaml(config_),
          .tokenizer_digest = identity_.tokenizer_digest,
          .data_digest = identity_.data_digest,
          .tokenizer_folder = tokenizer_folder(config_),
          .data_ranks = grid_.data,
          .tensor_ranks = grid_.tensor,
          .precision = config_.training.precision};
}

void TrainingJob::note_end(bool stopped) {
  if (!leads()) return;
  const std::int64_t step = trainer_->progress().step;
  const std::string& saved = saver_->path();
  folder_->clear_prometheus_targets();
  if (stopped) {
    const std::string signal = stop_signal_name();
    folder_->set_stopped(step, saved, "asked to stop by " + (signal.empty() ? "a signal to another rank" : signal));
    log::info("stopped at step ", step,
              saved.empty() ? "; nothing was saved (checkpoint.on_signal is false)"
                            : "; the same command goes on from " + saved);
  } else {
    folder_->set_finished(step, saved);
    log::info("finished ", step, " steps; checkpoint ", saved);
  }
}

}  // namespace phalanx
