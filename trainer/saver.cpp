#include "trainer/saver.h"

#include <exception>
#include <utility>

#include "core/check.h"
#include "core/log.h"
#include "trainer/build.h"
#include "trainer/host_state.h"

namespace phalanx {
namespace {

// Below this, waiting for the save before is no cause for a word.
constexpr double kTolerableWait = 1.0;  // seconds

}  // namespace

Saver::Saver(const config::Config& config, checkpoint::Provenance provenance, Replica& replica, Trainer& trainer,
             Communicator& world, Reports reports)
    : config_(config),
      provenance_(std::move(provenance)),
      replica_(replica),
      trainer_(trainer),
      world_(world),
      reports_(reports) {
  if (config_.checkpoint.asynchronous) background_.emplace(snapshot_of(replica_), world_);
}

void Saver::set_resumed(std::int64_t step, const std::string& path) {
  step_ = step;
  path_ = path;
}

// The digest is of a state that was found sound just now.
checkpoint::SaveOrder Saver::order() {
  checkpoint::Progress progress = trainer_.progress();
  progress.digest = trainer_.checked_digest();
  return {config_.run.output + "/checkpoints", progress, provenance_, config_.checkpoint.keep,
          config_.checkpoint.keep_every};
}

void Saver::save() {
  const auto before = Clock::now();
  finish();
  const double waited = seconds_since(before);
  if (reports_.folder != nullptr && waited > kTolerableWait) {
    log::warning("training waited ", waited, " s for the checkpoint before this one to be written; raise ",
                 "checkpoint.every (", config_.checkpoint.every, ") or write to a faster disk");
  }
  const auto start = Clock::now();
  const checkpoint::SaveOrder next = order();
  if (!background_) {
    const checkpoint::SaveOutcome outcome = save_now(next);
    stall_seconds_ = seconds_since(start);
    return settle(outcome);
  }
  try {
    background_->begin(next, owned_state(replica_));
    stall_seconds_ = seconds_since(start);
  } catch (const AgreedError& error) {
    settle({next.progress.step, "", error.what(), 0});
  }
}

// A checkpoint counts once its state is found unchanged after the writing; that it is not ends the run.
checkpoint::SaveOutcome Saver::save_now(const checkpoint::SaveOrder& next) {
  const auto start = Clock::now();
  checkpoint::SaveOutcome outcome{next.progress.step, "", "", 0};
  std::exception_ptr unsound;
  const HostState state(replica_);
  state.download();
  try {
    outcome.folder = checkpoint::save(next.checkpoints, next.progress, next.provenance, state.state(), world_, [&] {
      try {
        trainer_.checked_digest();
      } catch (...) {
        unsound = std::current_exception();
        throw;
      }
    });
  } catch (const AgreedError& error) {
    if (unsound) std::rethrow_exception(unsound);
    outcome.error = error.what();
  }
  if (outcome.error.empty() && world_.rank() == 0) {
    checkpoint::apply_retention(next.checkpoints, next.keep, next.keep_every);
  }
  outcome.seconds = seconds_since(start);
  return outcome;
}

void Saver::save_last() {
  finish();
  if (step_ == trainer_.progress().step) return;
  save();
  finish();
  if (!failure_.empty()) throw AgreedError(failure_);
}

checkpoint::BackgroundSave::Flags Saver::flags() const {
  return background_ ? background_->flags() : checkpoint::BackgroundSave::Flags{};
}

void Saver::advance(checkpoint::BackgroundSave::Flags any) {
  if (!background_) return;
  if (const auto outcome = background_->advance(any)) settle(*outcome);
}

void Saver::finish() {
  if (!background_) return;
  const auto start = Clock::now();
  if (const auto outcome = background_->finish()) {
    stall_seconds_ += seconds_since(start);
    settle(*outcome);
  }
}

void Saver::settle(const checkpoint::SaveOutcome& outcome) {
  failure_ = outcome.error;
  if (failure_.empty()) {
    step_ = outcome.step;
    path_ = outcome.folder;
  }
  if (reports_.folder == nullptr) return;
  if (failure_.empty()) {
    reports_.folder->set_checkpoint(step_, path_);
    reports_.metrics->on_checkpoint(step_, path_, outcome.seconds, stall_seconds_);
  } else {
    const std::string last = path_.empty() ? std::string("there is no good one yet") : "the last good one is " + path_;
    log::error(failure_, "; ", last);
    reports_.folder->log_event(str(failure_, "; ", last));
    reports_.metrics->on_checkpoint_failure(outcome.step, failure_);
  }
}

}  // namespace phalanx
