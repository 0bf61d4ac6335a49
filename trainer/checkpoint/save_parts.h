// The parts of a save. Those marked "file I/O only" may run on a background thread, from a snapshot of the state; the
// others talk to all ranks and belong to the main thread. checkpoint::save is all of them in a row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/checkpoint/checkpoint.h"

namespace phalanx::checkpoint {

// A save that has begun; equal on every rank.
struct SaveTarget {
  std::string checkpoints;
  std::int64_t step = 0;
  std::string temporary;     // folder that is being filled
  std::vector<int> writers;  // world ranks that write a file
};

// All ranks. Removes leftovers, makes the temporary folder.
SaveTarget begin_save(const std::string& checkpoints, std::int64_t step, bool writes, Communicator& world);

// File I/O only. This rank's file and, for commit, a note of what is in it. Does nothing where state.writes is false.
void write_part(const SaveTarget& target, int world_rank, const OwnedState& state);

// Rank 0, file I/O only, once every writer is done. Completes the folder, makes it the checkpoint of its step and moves
// `latest`. Returns its path. `moments`: m and v were written.
std::string commit(const SaveTarget& target, const Progress& progress, const Provenance& provenance,
                   const ParamLayout& layout, bool moments);

// Rank 0, file I/O only, instead of commit, when a writer failed and all are done. Does not throw.
void discard(const SaveTarget& target);

}  // namespace phalanx::checkpoint
