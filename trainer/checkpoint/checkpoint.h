// Checkpoints: what is saved, and the two verbs. The format is described in docs/checkpoint-format.md: one HDF5 file
// per writing rank plus manifest.json, written to a temporary folder, fsynced, renamed; then `latest` moves.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "parallel/communicator.h"
#include "parallel/param_layout.h"
#include "trainer/checkpoint/stored_file.h"
#include "trainer/state_digest.h"

namespace phalanx::checkpoint {

// Scalars of a run at the end of a step, equal on every rank.
struct Progress {
  std::int64_t step = 0;  // steps done
  std::int64_t sequences_consumed = 0;
  std::int64_t tokens_consumed = 0;
  std::int64_t adam_t = 0;  // updates done
  double loss_scale = 1.0;
  double loss = 0;                    // of the last step
  int phase = 0;                      // index in training.phases
  std::optional<StateDigest> digest;  // of the state; none in checkpoints of programs that took none
};

// What is trained, on what, and how. A resume with other digests, or with another model in the configuration, is
// refused; precision and ranks may differ.
struct Provenance {
  std::string config_yaml;  // resolved
  std::string tokenizer_digest;
  std::string data_digest;
  std::string tokenizer_folder;          // copied into the checkpoint (tokenizer/), so that generate needs nothing else
  int data_ranks = 1, tensor_ranks = 1;  // layout it was made with, for display
  std::string precision;
};

// This rank's own state: flat, in the order of ParamLayout::owned_pieces.
struct OwnedState {
  const ParamLayout* layout = nullptr;
  int part = 0;  // of every bucket
  int tensor_rank = 0;
  bool writes = true;  // false where another data rank's state is the same and stands for both
  Tensor master;       // (own_count) fp32, host memory
  Tensor m;            // (own_count) fp32; m and v may be undefined: a checkpoint of weights alone
  Tensor v;            // (own_count) fp32
};

// Writes <checkpoints>/step_%08d with all ranks of `world` taking part, replacing one of the same step. Returns its
// path. On any rank's failure every rank throws the same Error, and nothing is left but the last good checkpoint.
// `check_written` runs on every rank between writing and the moment that makes it a checkpoint, and may throw
// AgreedError to prevent that. The parts of a save, for writing in the background, are in save_parts.h.
std::string save(
    const std::string& checkpoints, const Progress& progress, const Provenance& provenance, const OwnedState& state,
    Communicator& world, const std::function<void()>& check_written = [] {});

// Removes checkpoints beyond the newest `keep`, except every keep_every-th step (0: none). Steps above that of
// `latest`, left by a run that went on from an earlier checkpoint, are neither counted nor removed. What cannot be
// removed is named by a warning. Rank 0 only.
void apply_retention(const std::string& checkpoints, std::int64_t keep, std::int64_t keep_every);

struct Manifest {
  Progress progress;
  Provenance provenance;          // tokenizer_folder: the checkpoint's own copy, empty when it has none
  ParamTable table;               // name, global shape, split, vocabulary; other fields of ParamSpec are not stored
  std::vector<int> shard_counts;  // by index in `table`: shards that it was cut into
  bool moments = true;            // m and v are stored
  std::vector<StoredFile> files;  // all but manifest.json itself
  std::string folder;
};
// Reads and checks manifest.json (format version, its own checksum, that the pieces it lists make up each tensor),
// sizes of all files and checksums of the small ones. The files of the ranks are checked where they are read: by load
// the parts that it needs, by verify all of them. Throws Error naming file and reason.
Manifest read_manifest(const std::string& folder);

// Reads every file against its checksums, then compares what the HDF5 files say of their data sets with the manifest.
void verify(const Manifest& manifest);

// Newest checkpoint of a run folder that verifies: `latest`, else the newest before it, else any. Damaged ones are
// named by a warning and passed over. nullopt: there is none; Error: there are some, all damaged.
// On all ranks of `world`, which share the reading.
std::optional<std::string> find_latest(const std::string& checkpoints, Communicator& world);

struct Entry {
  std::int64_t step = 0;
  std::string folder;
};
// The checkpoints of a folder in order of steps, unchecked. A folder that is not there has none.
std::vector<Entry> list(const std::string& checkpoints);

// The checkpoint that a user means: `path` is one, or a run folder or its checkpoints/, whose `latest` (else newest)
// it is. Not verified. Throws UsageError when there is none.
std::string resolve(const std::string& path);

// What to load of each parameter.
enum class Parts : std::uint8_t { weights, weights_and_moments };

// Fills `state` (any layout, any number of ranks) from a checkpoint folder; padding becomes zero. Tensors are matched
// by name and global shape; a missing, extra or differing one throws Error naming it and both shapes. Parts::weights
// leaves m and v alone and needs none in the checkpoint. Reads only the parts of files that hold this rank's elements,
// each MiB checked before use. Memory: 1 MiB and the runs of a tensor beyond `state`.
void load(const Manifest& manifest, Parts parts, const OwnedState& state);

}  // namespace phalanx::checkpoint
