// A window of a shard as one row of a batch for causal language modelling.
#pragma once

#include <cstdint>
#include <vector>

#include "core/batch.h"
#include "data/shard.h"

namespace phalanx::data {

// Buffers that are kept between windows.
struct WindowScratch {
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> begins;
};

// Fills row `row` of `batch` from tokens [first, first + T] and adds its targets to batch.predicted. With
// `document_attention` positions restart where a document begins and a target in another document is Batch::kIgnore;
// without, the window is one document. Leaves batch.sequences alone.
void fill_row(const Shard& shard, std::int64_t first, bool document_attention, WindowScratch& scratch, Batch& batch,
              int row);

// Fills a row of any kind of batch with `id`; it predicts nothing.
void fill_empty_row(Batch& batch, int row, std::int32_t id = 0);

// Tokens [begin, end) of the row are one document: positions and bounds.
void set_document(Batch& batch, int row, std::int64_t begin, std::int64_t end);

}  // namespace phalanx::data
