#include "model/ops/tanh.h"

#include <gtest/gtest.h>

#include "tests/support/arrays.h"
#include "tests/support/exec.h"
#include "tests/support/gradient_check.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

class TanhOp : public EachCpuLevel {};

TEST_P(TanhOp, MatchesTheLibraryInDouble) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Array x = normal_array({3, 33}, dtype, 1, 3.0);
    Doubles want = x.values();
    for (double& v : want) v = std::tanh(v);
    tanh_forward(exec(), {x.tensor(), x.tensor()});  // in place
    expect_close(x, want, epsilon_of(dtype), 0.0);
  }
}

TEST_P(TanhOp, BackwardMatchesCentralDifferences) {
  Array x = normal_array({3, 33}, DType::f32, 1), dy = normal_array({3, 33}, DType::f32, 2), y({3, 33}), dx({3, 33});
  tanh_forward(exec(), {y.tensor(), x.tensor()});
  tanh_backward(exec(), {dx.tensor(), dy.tensor(), y.tensor()});
  const auto loss = [&](Doubles v) {
    for (double& e : v) e = std::tanh(e);
    return dot(dy.values(), v);
  };
  // 1 - y² loses what y rounds away: an eps of y.
  expect_close(dx, numeric_gradient(loss, x.values()), 4.0 * epsilon_of(DType::f32), 8.0 * epsilon_of(DType::f32));
}

PHALANX_EACH_TABLE(TanhOp);

}  // namespace
}  // namespace phalanx::ops
