// Saver: the checkpoints of a run: written at once or in the background, how long that held training up, which are
// kept, and what is told of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "trainer/checkpoint/background_save.h"
#include "trainer/config/config.h"
#include "trainer/metrics/metrics.h"
#include "trainer/run_folder.h"
#include "trainer/trainer.h"

namespace phalanx {

class Saver {
 public:
  // Where rank 0 tells what happened; null on the others.
  struct Reports {
    const RunFolder* folder = nullptr;
    Metrics* metrics = nullptr;
  };
  // `replica` has room for a snapshot when checkpoint.asynchronous is set. All must outlive this.
  Saver(const config::Config& config, checkpoint::Provenance provenance, Replica& replica, Trainer& trainer,
        Communicator& world, Reports reports);

  // The newest good checkpoint of this run: its step (-1: none) and folder.
  [[nodiscard]] std::int64_t step() const { return step_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  void set_resumed(std::int64_t step, const std::string& path);

  // The state of now. When it cannot be written that is told loudly and training goes on with the last good checkpoint.
  // Throws AgreedError when the state is not what the last update left. Collective.
  void save();
  // The same, done on return, for the end of a run; throws when it cannot be written. Nothing is done where this state
  // is saved already. Collective.
  void save_last();

  // This rank's flags for the reduction of a step, and what follows from those of all ranks. Collective.
  [[nodiscard]] checkpoint::BackgroundSave::Flags flags() const;
  void advance(checkpoint::BackgroundSave::Flags any);
  // Waits for a save in the background, if there is one. Collective.
  void finish();

 private:
  checkpoint::SaveOutcome save_now(const checkpoint::SaveOrder& order);
  void settle(const checkpoint::SaveOutcome& outcome);
  [[nodiscard]] checkpoint::SaveOrder order();

  const config::Config& config_;
  checkpoint::Provenance provenance_;
  Replica& replica_;
  Trainer& trainer_;
  Communicator& world_;
  Reports reports_;
  std::optional<checkpoint::BackgroundSave> background_;
  double stall_seconds_ = 0;  // of the save that is under way
  std::int64_t step_ = -1;
  std::string path_;
  std::string failure_;  // of the last save; empty: it went well
};

}  // namespace phalanx
