// The check of a Dropout at the door of an op.
#pragma once

#include <string_view>

#include "model/ops/exec.h"

namespace phalanx::ops {

// The rate is in [0, 1); where it is not 0, `sequences` is (B) int64 and N rows are B sequences of equal length.
void require_dropout(const Exec& exec, std::string_view op, const Dropout& dropout, std::int64_t N);

}  // namespace phalanx::ops
