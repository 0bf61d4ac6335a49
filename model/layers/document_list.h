// The documents of a micro-batch as a list, from the bounds that a batch has for each token. On the host.
#pragma once

#include <cstdint>
#include <vector>

#include "core/batch.h"

namespace phalanx {

struct DocumentList {
  bool whole = false;  // every document is a whole sequence
  // Else, where documents follow each other and cover every token; empty where they do not:
  std::vector<std::int32_t> starts;   // (n + 1): token b * T + t of each document's first, and the end of the last one
  std::vector<std::int32_t> lengths;  // (n); n a multiple of B, the last ones are empty
};

DocumentList list_documents(const Batch& batch);

// The most documents that a batch of this shape can have, rounded up to a multiple of B: one for each token.
std::int64_t most_documents(const Batch& batch);

}  // namespace phalanx
