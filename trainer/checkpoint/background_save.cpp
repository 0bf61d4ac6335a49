#include "trainer/checkpoint/background_save.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "core/device.h"
#include "trainer/agree.h"
#include "trainer/checkpoint/owned_digest.h"

namespace phalanx::checkpoint {
namespace {

constexpr std::int64_t kCopyBytes = std::int64_t{1} << 20;  // that a thread takes at a time

std::array<Tensor, 3> kinds_of(const OwnedState& state) { return {state.master, state.m, state.v}; }

// Every core takes part: this is the time for which training stops.
void copy_with_all_threads(const Tensor& to, const Tensor& from) {
  ENSURE(to.defined() && from.defined() && to.bytes() == from.bytes(), "snapshot of ", to_string(from.shape), " in ",
         to_string(to.shape));
  if (from.device.type != DeviceType::cpu) return copy(to, from, {});
  const std::int64_t bytes = from.bytes();
#pragma omp parallel for schedule(static)
  for (std::int64_t begin = 0; begin < bytes; begin += kCopyBytes) {
    std::memcpy(to.data + begin, from.data + begin, static_cast<std::size_t>(std::min(kCopyBytes, bytes - begin)));
  }
}

std::string not_saved(std::int64_t step) { return str("checkpoint of step ", step, " not saved"); }

}  // namespace

BackgroundSave::BackgroundSave(const OwnedState& snapshot, Communicator& world) : snapshot_(snapshot), world_(world) {
  // Pages are claimed now, not while training stops for the first copy.
  for (const Tensor& kind : kinds_of(snapshot_)) {
    if (kind.defined()) fill_zero(kind, {});
  }
}

BackgroundSave::~BackgroundSave() { join(); }

// The thread's parallel regions are its own alone, so that the training threads keep their cores.
template <class Work>
void BackgroundSave::start(Work&& work) {
  error_.clear();
  done_.store(false, std::memory_order_relaxed);
  thread_ = std::thread([this, work = std::forward<Work>(work)] {
    omp_set_num_threads(1);
    try {
      work();
    } catch (const std::exception& error) {
      error_ = error.what();
    }
    done_.store(true, std::memory_order_release);
  });
}

void BackgroundSave::join() {
  if (thread_.joinable()) thread_.join();
}

void BackgroundSave::begin(const SaveOrder& order, const OwnedState& state) {
  ENSURE(!active(), "a checkpoint is being written already");
  begun_ = Clock::now();
  order_ = order;
  target_ = begin_save(order.checkpoints, order.progress.step, state.writes, world_);
  stage_ = Stage::writing;
  written_ = {};
  if (!state.writes) return;
  const std::array<Tensor, 3> to = kinds_of(snapshot_);
  const std::array<Tensor, 3> from = kinds_of(state);
  for (std::size_t kind = 0; kind < from.size(); ++kind) copy_with_all_threads(to[kind], from[kind]);
  start([this] { write(); });
}

void BackgroundSave::write() {
  write_part(target_, world_.rank(), snapshot_);
  written_ = digest_of_owned(snapshot_);
}

void BackgroundSave::commit_and_retain() {
  folder_ = commit(target_, order_.progress, order_.provenance, *snapshot_.layout, true);
  apply_retention(order_.checkpoints, order_.keep, order_.keep_every);
}

BackgroundSave::Flags BackgroundSave::flags() const {
  const bool done = done_.load(std::memory_order_acquire);
  return {!done, done && !error_.empty()};
}

std::optional<SaveOutcome> BackgroundSave::advance(Flags any) {
  if (!active() || any.busy) return std::nullopt;
  join();
  if (any.failed) return give_up();
  if (stage_ == Stage::writing) {
    require_unchanged();
    stage_ = Stage::committing;
    if (leads()) start([this] { commit_and_retain(); });
    return std::nullopt;
  }
  stage_ = Stage::idle;
  return SaveOutcome{order_.progress.step, share_text(world_, folder_), "", seconds_since(begun_)};
}

std::optional<SaveOutcome> BackgroundSave::finish() {
  std::optional<SaveOutcome> outcome;
  while (active()) {
    join();
    outcome = advance({false, any_rank(world_, flags().failed)});
  }
  return outcome;
}

// What was written is what was checked: between the writing and the moment that makes it a checkpoint.
void BackgroundSave::require_unchanged() {
  if (!order_.progress.digest) return;
  const StateDigest want = *order_.progress.digest;
  const StateDigest got = sum_over_ranks(written_, world_);
  if (got == want) return;
  stage_ = Stage::idle;
  if (leads()) discard(target_);
  throw AgreedError(str(not_saved(order_.progress.step), ": the copy of the state that was written has digest ",
                        digest_text(combined(got)), ", the state had ", digest_text(combined(want)),
                        "; memory of a host may be faulty. Start again from the last checkpoint"));
}

SaveOutcome BackgroundSave::give_up() {
  stage_ = Stage::idle;
  SaveOutcome outcome{order_.progress.step, "", "", seconds_since(begun_)};
  try {
    on_every_rank(world_, not_saved(order_.progress.step), [&] {
      if (!error_.empty()) throw Error(error_);
    });
  } catch (const AgreedError& error) {
    outcome.error = error.what();
  }
  error_.clear();
  if (leads()) discard(target_);
  return outcome;
}

}  // namespace phalanx::checkpoint
