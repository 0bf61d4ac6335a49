#include "model/layers/document_list.h"

#include <algorithm>
#include <cstddef>

namespace phalanx {
namespace {

// The end of the document that begins at token t of a row, or t where the bounds of its tokens are no document.
std::int32_t end_of_document(const Batch& batch, std::size_t row, std::int32_t t) {
  const std::int32_t* begins = batch.document_begin.data() + row;
  const std::int32_t* ends = batch.document_end.data() + row;
  const std::int32_t end = ends[t];
  if (end <= t || end > batch.T) return t;
  const auto same = [&](std::int32_t i) { return begins[i] == t && ends[i] == end; };
  for (std::int32_t i = t; i < end; ++i) {
    if (!same(i)) return t;
  }
  return end;
}

}  // namespace

std::int64_t most_documents(const Batch& batch) { return std::int64_t{batch.B} * batch.T; }

DocumentList list_documents(const Batch& batch) {
  DocumentList list;
  for (std::int32_t b = 0; b < batch.B; ++b) {
    const std::int32_t row = b * batch.T;
    for (std::int32_t t = 0; t < batch.T;) {
      const std::int32_t end = end_of_document(batch, static_cast<std::size_t>(row), t);
      if (end == t) return {};
      list.starts.push_back(row + t);
      list.lengths.push_back(end - t);
      t = end;
    }
  }
  const auto whole = [&](std::int32_t length) { return length == batch.T; };
  if (std::all_of(list.lengths.begin(), list.lengths.end(), whole)) return {.whole = true, .starts = {}, .lengths = {}};
  const auto B = static_cast<std::size_t>(batch.B);
  const std::size_t n = (list.lengths.size() + B - 1) / B * B;
  list.starts.resize(n + 1, batch.B * batch.T);
  list.lengths.resize(n, 0);
  return list;
}

}  // namespace phalanx
