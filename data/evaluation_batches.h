// Windows for evaluation: the same ones every time, in the order of the files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/batch.h"
#include "data/masked_lm.h"

namespace phalanx::data {

// The first `samples` windows (all if fewer) of a folder in file order, for evaluation, dealt to data ranks in
// contiguous parts. A rank may get none. `sequences` are the ordinals of the windows. Every rank gets the same number
// of batches: short ranks are filled with batches whose targets are all Batch::kIgnore. With `masked` the windows are
// those of that objective; what is hidden and paired is drawn by the window's ordinal, the same for every run.
std::vector<Batch> evaluation_batches(const std::string& path, int context, std::int64_t samples, int micro_batch,
                                      int data_rank, int data_ranks, bool document_attention,
                                      const std::optional<MaskedLm>& masked = std::nullopt);

}  // namespace phalanx::data
