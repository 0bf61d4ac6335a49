#include "model/layers/batch_tensors.h"

#include <vector>

namespace phalanx {
namespace {

template <class T>
Tensor put(const Context& ctx, const std::vector<T>& from, const Shape& shape, const char* field) {
  if (from.empty() && shape.count() > 0) return {};
  ENSURE(static_cast<std::int64_t>(from.size()) == shape.count(), "batch: ", field, " has ", from.size(),
         " elements, expected ", to_string(shape));
  const Tensor to = ctx.take(shape, dtype_of<T>);
  if (!ctx.exec.planning()) copy(to, host_tensor(const_cast<T*>(from.data()), shape), ctx.exec.stream);
  return to;
}

}  // namespace

BatchTensors upload(const Context& ctx, const Batch& batch) {
  const Shape tokens{std::int64_t{batch.B} * batch.T};
  const Shape targets{std::int64_t{batch.B} * batch.P};
  const Shape rows{batch.B, batch.T};
  const Shape sequences{batch.B};
  BatchTensors t;
  t.tokens = put(ctx, batch.tokens, tokens, "tokens");
  t.positions = put(ctx, batch.positions, tokens, "positions");
  t.targets = put(ctx, batch.targets, targets, "targets");
  t.slots = put(ctx, batch.slots, targets, "slots");
  t.document_begin = put(ctx, batch.document_begin, rows, "document_begin");
  t.document_end = put(ctx, batch.document_end, rows, "document_end");
  t.token_types = put(ctx, batch.token_types, tokens, "token_types");
  t.next_sentence = put(ctx, batch.next_sentence, sequences, "next_sentence");
  t.sequences = put(ctx, batch.sequences, sequences, "sequences");
  return t;
}

}  // namespace phalanx
