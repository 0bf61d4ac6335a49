// Tokens, targets, positions and document bounds of one row.
#include "data/window.h"

#include <algorithm>
#include <numeric>

namespace phalanx::data {
namespace {

// Tokens [begin, end) of the row are one document.
void fill_document(Batch& batch, std::size_t row_offset, std::int64_t begin, std::int64_t end) {
  const auto at = [row_offset](std::vector<std::int32_t>& field, std::int64_t t) {
    return field.begin() + static_cast<std::ptrdiff_t>(row_offset) + t;
  };
  std::iota(at(batch.positions, begin), at(batch.positions, end), 0);
  std::fill(at(batch.document_begin, begin), at(batch.document_begin, end), static_cast<std::int32_t>(begin));
  std::fill(at(batch.document_end, begin), at(batch.document_end, end), static_cast<std::int32_t>(end));
}

std::size_t offset_of_row(const Batch& batch, int row) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(batch.T);
}

}  // namespace

void fill_row(const Shard& shard, std::int64_t first, bool document_attention, WindowScratch& scratch, Batch& batch,
              int row) {
  const std::size_t offset = offset_of_row(batch, row);
  const std::int64_t T = batch.T;
  scratch.ids.resize(static_cast<std::size_t>(T) + 1);
  shard.read_tokens(first, std::span(scratch.ids));
  std::copy_n(scratch.ids.begin(), T, batch.tokens.begin() + static_cast<std::ptrdiff_t>(offset));
  std::copy_n(scratch.ids.begin() + 1, T, batch.targets.begin() + static_cast<std::ptrdiff_t>(offset));

  scratch.begins.clear();
  if (document_attention) shard.document_begins(first, first + T + 1, scratch.begins);
  std::int64_t begin = 0;
  for (const std::int64_t document : scratch.begins) {
    const std::int64_t end = document - first;  // in [1, T]
    fill_document(batch, offset, begin, end);
    batch.targets[offset + static_cast<std::size_t>(end) - 1] = Batch::kIgnore;
    begin = end;
  }
  if (begin < T) fill_document(batch, offset, begin, T);
  batch.predicted += T - static_cast<std::int64_t>(scratch.begins.size());
}

void fill_empty_row(Batch& batch, int row) {
  const std::size_t offset = offset_of_row(batch, row);
  std::fill_n(batch.tokens.begin() + static_cast<std::ptrdiff_t>(offset), batch.T, 0);
  std::fill_n(batch.targets.begin() + static_cast<std::ptrdiff_t>(offset), batch.T, Batch::kIgnore);
  fill_document(batch, offset, 0, batch.T);
  batch.sequences[static_cast<std::size_t>(row)] = 0;
}

}  // namespace phalanx::data
