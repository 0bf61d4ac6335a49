// Tokens, targets, positions and document bounds of one row.
#include "data/window.h"

#include <algorithm>
#include <numeric>

namespace phalanx::data {
namespace {

std::size_t offset_of_row(const Batch& batch, int row) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(batch.T);
}

}  // namespace

void set_document(Batch& batch, int row, std::int64_t begin, std::int64_t end) {
  const std::size_t offset = offset_of_row(batch, row);
  const auto at = [offset](std::vector<std::int32_t>& field, std::int64_t t) {
    return field.begin() + static_cast<std::ptrdiff_t>(offset) + t;
  };
  std::iota(at(batch.positions, begin), at(batch.positions, end), 0);
  std::fill(at(batch.document_begin, begin), at(batch.document_begin, end), static_cast<std::int32_t>(begin));
  std::fill(at(batch.document_end, begin), at(batch.document_end, end), static_cast<std::int32_t>(end));
}

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
    set_document(batch, row, begin, end);
    batch.targets[offset + static_cast<std::size_t>(end) - 1] = Batch::kIgnore;
    begin = end;
  }
  if (begin < T) set_document(batch, row, begin, T);
  batch.predicted += T - static_cast<std::int64_t>(scratch.begins.size());
}

void fill_empty_row(Batch& batch, int row, std::int32_t id) {
  const std::size_t offset = offset_of_row(batch, row);
  const auto fill = [row](std::vector<std::int32_t>& field, int width, std::int32_t value) {
    if (!field.empty()) std::fill_n(field.begin() + std::ptrdiff_t{row} * width, width, value);
  };
  fill(batch.tokens, batch.T, id);
  fill(batch.targets, batch.P, Batch::kIgnore);
  fill(batch.slots, batch.P, static_cast<std::int32_t>(offset));
  fill(batch.token_types, batch.T, 0);
  fill(batch.next_sentence, 1, Batch::kIgnore);
  set_document(batch, row, 0, batch.T);
  batch.sequences[static_cast<std::size_t>(row)] = 0;
}

}  // namespace phalanx::data
