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

namespace phalanx::checkpoint {

// Scalars of a run at the end of a step, equal on every rank.
struct Progress {
  std::int64_t step = 0;                // steps done
  std::int64_t sequences_consumed = 0;
  std::int64_t tokens_consumed = 0;
  std::int64_t adam_t = 0;              // updates done
  double loss_scale = 1.0;
  double loss = 0;                      // of the last step
  int phase = 0;
};

// Identity of what is trained; a resume that differs is refused.
struct Provenance {
  std::string config_yaml;        // resolved
  std::string tokenizer_digest;
  std::string data_digest;
  std::string tokenizer_folder;   // copied into the checkpoint (tokenizer/), so that generate and export need nothing else
  int data_ranks = 1, tensor_ranks = 1;  // layout it was made with, for display
  std::string precision;
};

// This rank's own state: flat, in the order of ParamLayout::owned_pieces.
struct OwnedState {
  const ParamLayout* layout = nullptr;
  int data_rank = 0;
  int tensor_rank = 0;
  bool writes = true;  // false on data ranks other than 0 when the optimizer is not sharded
  Tensor master;       // (own_count) fp32, host memory
  Tensor m;            // (own_count) fp32
  Tensor v;            // (own_count) fp32
};

// Writes <checkpoints>/step_%08d with all ranks of `world` taking part. Returns its path. On any rank's failure every
// rank throws the same Error, and nothing is left but the last good checkpoint.
std::string save(const std::string& checkpoints, const Progress& progress, const Provenance& provenance,
                 const OwnedState& state, Communicator& world);

// Removes checkpoints beyond the newest `keep`, except every keep_every-th step. Rank 0 only.
void apply_retention(const std::string& checkpoints, std::int64_t keep, std::int64_t keep_every);

struct Manifest {
  Progress progress;
  Provenance provenance;
  ParamTable table;               // names and global shapes (other fields of ParamSpec are not stored)
  std::string folder;
};
// Reads and checks manifest.json (format version, checksums of the files it names). Throws Error naming file and reason.
Manifest read_manifest(const std::string& folder);

// Newest checkpoint of a run folder that verifies, damaged ones are named by a warning and passed over; nullopt: none.
std::optional<std::string> find_latest(const std::string& checkpoints);

// What to load of each parameter.
enum class Parts : std::uint8_t { weights, weights_and_moments };

// Fills `state` (any layout, any number of ranks) from a checkpoint folder. Tensors are matched by name and global
// shape; a missing, extra or differing one throws Error naming it and both shapes. Memory: one tensor beyond `state`.
void load(const Manifest& manifest, Parts parts, const OwnedState& state);

}  // namespace phalanx::checkpoint
