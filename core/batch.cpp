#include "core/batch.h"

namespace phalanx {

void Batch::resize(int batch, int tokens_per_sequence) {
  B = batch;
  T = tokens_per_sequence;
  predicted = 0;
  const auto n = static_cast<std::size_t>(B) * static_cast<std::size_t>(T);
  for (auto* field : {&tokens, &targets, &positions, &document_begin, &document_end}) field->resize(n);
  sequences.resize(static_cast<std::size_t>(B));
}

}  // namespace phalanx
