// StepMaker: the batches of any step of a run on this rank, made on the spot. Knows no threads; the loader calls it
// ahead of time.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "data/loader.h"
#include "data/masked_rows.h"
#include "data/sampler.h"
#include "data/shard_reader.h"
#include "data/window.h"

namespace phalanx::data {

class StepMaker {
 public:
  // Opens the sources; see Loader.
  explicit StepMaker(const LoaderOptions& options);

  // Fills `out` with step `step`, counted from the one that begins at options.first_sequence.
  void make(std::int64_t step, StepBatch& out);

 private:
  std::int64_t make_micro_batch(std::int64_t first_sequence, Batch& batch);

  LoaderOptions options_;
  std::vector<std::unique_ptr<ShardReader>> readers_;
  std::vector<WindowTable> tables_;
  std::unique_ptr<Sampler> sampler_;
  WindowScratch scratch_;
  std::optional<MaskedRows> masked_rows_;
};

}  // namespace phalanx::data
