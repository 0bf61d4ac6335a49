// BackgroundSave: a checkpoint that is written while training goes on, from a copy of the state. A thread of its own
// does file I/O and nothing else; the main threads learn of it through two flags that ride in a reduction of every
// step.
//
//   idle --begin--> writing --all ranks done--> committing (rank 0 alone) --done--> idle
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "core/clock.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/save_parts.h"

namespace phalanx::checkpoint {

// What to write. Equal on every rank; progress.digest is of the state that begin() copies.
struct SaveOrder {
  std::string checkpoints;
  Progress progress;
  Provenance provenance;
  std::int64_t keep = 1, keep_every = 0;  // as for apply_retention
};

// How a save ended, the same on every rank.
struct SaveOutcome {
  std::int64_t step = 0;
  std::string folder;  // of the checkpoint; empty: there is none
  std::string error;   // why
  double seconds = 0;  // from begin() on
};

class BackgroundSave {
 public:
  // A rank's share in what all must know; any_of: the maximum over ranks.
  struct Flags {
    bool busy = false;
    bool failed = false;
  };

  // `snapshot`: room for the copy, of the same layout and part as the state; its tensors are undefined where
  // snapshot.writes is false. It and `world` must outlive this. Main thread only, like every function here.
  BackgroundSave(const OwnedState& snapshot, Communicator& world);
  // Waits for the thread. What was not committed stays as a crash would leave it.
  ~BackgroundSave();
  BackgroundSave(const BackgroundSave&) = delete;
  BackgroundSave& operator=(const BackgroundSave&) = delete;

  [[nodiscard]] bool active() const { return stage_ != Stage::idle; }  // equal on every rank

  // Copies the state and lets the thread write it. None may be active. Throws AgreedError when the folder cannot be
  // made. Collective.
  void begin(const SaveOrder& order, const OwnedState& state);

  [[nodiscard]] Flags flags() const;
  // Goes on to the next stage when no rank is busy; an outcome when that was the last. A save that failed leaves
  // nothing but the last good checkpoint. `any`: the flags of all ranks. Throws AgreedError when the copy changed while
  // it was written: memory of a host is faulty then. Collective.
  std::optional<SaveOutcome> advance(Flags any);
  // Waits until none is active; nullopt when none was. Collective.
  std::optional<SaveOutcome> finish();

 private:
  enum class Stage : std::uint8_t { idle, writing, committing };

  template <class Work>
  void start(Work&& work);
  void join();
  void write();
  void commit_and_retain();
  void require_unchanged();
  SaveOutcome give_up();
  [[nodiscard]] bool leads() const { return world_.rank() == 0; }

  OwnedState snapshot_;
  Communicator& world_;
  Stage stage_ = Stage::idle;
  Clock::time_point begun_;
  SaveOrder order_;
  SaveTarget target_;
  std::thread thread_;
  // Of the thread's work; the others may be read once done_ is true.
  std::atomic<bool> done_{true};
  std::string error_;
  std::string folder_;
  StateDigest written_;  // this rank's share
};

}  // namespace phalanx::checkpoint
