#include "core/batch.h"

namespace phalanx {

void Batch::resize(const BatchShape& shape) {
  B = shape.B;
  T = shape.T;
  P = shape.P > 0 ? shape.P : T;
  predicted = predicted_pairs = 0;
  const auto sequence_count = static_cast<std::size_t>(B);
  const auto token_count = sequence_count * static_cast<std::size_t>(T);
  const auto target_count = sequence_count * static_cast<std::size_t>(P);
  for (auto* field : {&tokens, &positions, &document_begin, &document_end}) field->resize(token_count);
  targets.resize(target_count);
  slots.resize(shape.P > 0 ? target_count : 0);
  token_types.resize(shape.pairs ? token_count : 0);
  next_sentence.resize(shape.pairs ? sequence_count : 0);
  sequences.resize(sequence_count);
}

}  // namespace phalanx
