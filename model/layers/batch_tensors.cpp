#include "model/layers/batch_tensors.h"

#include <vector>

#include "model/layers/document_list.h"

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

// Takes room for as many documents as there can be, whatever the batch has: planning does not know them.
ops::DocumentRuns put_documents(const Context& ctx, const Batch& batch) {
  if (ctx.exec.device.type == DeviceType::cpu || batch.document_begin.empty()) return {};
  const std::int64_t most = most_documents(batch);
  const Tensor starts = ctx.take({most + 1}, DType::i32);
  const Tensor lengths = ctx.take({most}, DType::i32);
  if (ctx.exec.planning()) return {};
  const DocumentList list = list_documents(batch);
  if (list.whole || list.lengths.empty()) return {.whole = list.whole, .starts = {}, .lengths = {}};
  const auto n = static_cast<std::int64_t>(list.lengths.size());
  const auto filled = [&](const Tensor& room, const std::vector<std::int32_t>& values, std::int64_t count) {
    const Tensor to = room.slice(0, count);
    copy(to, host_tensor(const_cast<std::int32_t*>(values.data()), {count}), ctx.exec.stream);
    return to;
  };
  return {.starts = filled(starts, list.starts, n + 1), .lengths = filled(lengths, list.lengths, n)};
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
  t.runs = put_documents(ctx, batch);
  t.token_types = put(ctx, batch.token_types, tokens, "token_types");
  t.next_sentence = put(ctx, batch.next_sentence, sequences, "next_sentence");
  t.sequences = put(ctx, batch.sequences, sequences, "sequences");
  return t;
}

}  // namespace phalanx
