#include "model/layers/batch_tensors.h"

#include <type_traits>

namespace phalanx {

BatchTensors upload(const Context& ctx, const Batch& batch) {
  const Shape tokens{std::int64_t{batch.B} * batch.T};
  const Shape rows{batch.B, batch.T};
  BatchTensors t{ctx.take(tokens, DType::i32), ctx.take(tokens, DType::i32), ctx.take(tokens, DType::i32),
                 ctx.take(rows, DType::i32),   ctx.take(rows, DType::i32),   ctx.take({batch.B}, DType::i64)};
  if (ctx.exec.planning()) return t;
  const auto put = [&](const Tensor& to, const auto& from) {
    using T = typename std::decay_t<decltype(from)>::value_type;
    copy(to, host_tensor(const_cast<T*>(from.data()), to.shape), ctx.exec.stream);
  };
  put(t.tokens, batch.tokens);
  put(t.targets, batch.targets);
  put(t.positions, batch.positions);
  put(t.document_begin, batch.document_begin);
  put(t.document_end, batch.document_end);
  put(t.sequences, batch.sequences);
  return t;
}

}  // namespace phalanx
