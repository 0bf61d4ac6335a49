// One rank's HDF5 file: what it holds of the state, written and checked without talking to other ranks.
#pragma once

#include <string>

#include "trainer/checkpoint/checkpoint.h"

namespace phalanx::checkpoint {

std::string rank_file_name(int world_rank);  // "rank_00000.h5"

// Writes <folder>/<name> with the primary pieces of `state`, durably, and returns its checksum and pieces. libhdf5
// writes only the structure; values go through plain writes, so that its global lock is held for a moment.
StoredFile write_rank_file(const std::string& folder, const std::string& name, const OwnedState& state);

// Compares what the data sets of a (checksummed) file say of themselves with the manifest.
void verify_rank_file(const Manifest& manifest, const StoredFile& file);

}  // namespace phalanx::checkpoint
