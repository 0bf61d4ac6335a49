// Loader: the batches of a run, in order, prepared ahead by a thread of its own. Which windows a step holds is a pure
// function of (seed, position): resuming at any position costs nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/batch.h"
#include "data/masked_lm.h"

namespace phalanx::data {

struct SourceOptions {
  std::string path;     // folder of shards
  double weight = 1.0;  // relative
};

struct LoaderOptions {
  std::vector<SourceOptions> sources;
  std::uint64_t seed = 0;
  int context = 0;                    // T, tokens per sequence
  int global_batch = 0;               // sequences per step over all data ranks
  int micro_batch = 0;                // sequences per micro-batch on this rank
  int data_rank = 0, data_ranks = 1;  // this rank takes the data_rank-th contiguous part of the global batch
  int prefetch = 4;                   // steps prepared ahead, at least 1
  bool document_attention = true;     // false: a window is one document
  std::optional<MaskedLm> masked;     // absent: causal
  std::int64_t first_sequence = 0;    // position in the run where the first step begins
};

// All micro-batches of one step on this rank.
struct StepBatch {
  std::vector<Batch> micro;
  std::int64_t predicted = 0;        // on this rank
  std::int64_t predicted_pairs = 0;  // labels of next_sentence, on this rank
  std::int64_t tokens = 0;           // input positions without padding, on this rank
};

class Loader {
 public:
  // Opens and checks the sources (tokenizer digest equal over all, manifest, checksums of all but the tokens, which are
  // checked as they are read; for a masked objective its numbers and what it needs of the sources). Throws Error naming
  // file or key, and reason.
  explicit Loader(const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // The next step; waits when none is ready. Errors of the thread are thrown here. The reference stays valid until the
  // next call.
  const StepBatch& next();
  [[nodiscard]] double wait_seconds() const;  // total time that next() waited

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace phalanx::data
