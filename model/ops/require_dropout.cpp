#include "model/ops/require_dropout.h"

#include "model/ops/require.h"

namespace phalanx::ops {

void require_dropout(const Exec& exec, std::string_view op, const Dropout& dropout, std::int64_t N) {
  ENSURE(dropout.rate >= 0.0F && dropout.rate < 1.0F, op, ": dropout.rate is ", dropout.rate, ", expected in [0, 1)");
  if (dropout.rate == 0.0F) return;
  require_dims(op, "dropout.sequences", dropout.sequences, 1);
  const std::int64_t B = dropout.sequences.size(0);
  require(exec, op, "dropout.sequences", dropout.sequences, {B}, DType::i64);
  ENSURE(N == 0 || (B > 0 && N % B == 0), op, ": ", N, " rows are not a multiple of the ", B,
         " sequences of dropout.sequences");
}

}  // namespace phalanx::ops
