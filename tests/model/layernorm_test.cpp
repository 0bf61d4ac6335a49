#include "model/ops/layernorm.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "tests/support/arrays.h"
#include "tests/support/exec.h"
#include "tests/support/gradient_check.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr double kEpsilon = 1e-5;  // of the norm
constexpr DType kTypes[] = {DType::f32, DType::bf16};

class LayernormOp : public EachCpuLevel {};

// Rounding errors of a row's sums of C fp32 terms; values are of order `magnitude`.
double sum_error(std::int64_t C, double magnitude) {
  return 8.0 * epsilon_of(DType::f32) * std::sqrt(static_cast<double>(C)) * magnitude;
}

struct Reference {
  Doubles y, mean, rstd;
};
Reference reference(const Doubles& x, const Doubles& gamma, const Doubles& beta) {
  const std::size_t C = gamma.size();
  Reference r;
  for (std::size_t n = 0; n < x.size() / C; ++n) {
    double mean = 0.0;
    double variance = 0.0;
    for (std::size_t c = 0; c < C; ++c) mean += x[n * C + c] / static_cast<double>(C);
    for (std::size_t c = 0; c < C; ++c) variance += std::pow(x[n * C + c] - mean, 2) / static_cast<double>(C);
    const double rstd = 1.0 / std::sqrt(variance + kEpsilon);
    r.mean.push_back(mean);
    r.rstd.push_back(rstd);
    for (std::size_t c = 0; c < C; ++c) r.y.push_back((x[n * C + c] - mean) * rstd * gamma[c] + beta[c]);
  }
  return r;
}

// All tensors of a fused norm of N = B T rows; sequences have ordinals far from 0.
struct Case {
  Case(std::int64_t B, std::int64_t T, std::int64_t C, DType dtype)
      : residual(normal_array({B * T, C}, dtype, 1, 2.0, 3.0)),
        branch(normal_array({B * T, C}, dtype, 2)),
        bias(normal_array({C}, dtype, 3)),
        gamma(normal_array({C}, dtype, 4, 0.3, 1.0)),
        beta(normal_array({C}, dtype, 5)),
        sequences({B}, DType::i64),
        sum({B * T, C}, dtype),
        y({B * T, C}, dtype),
        mean({B * T}),
        rstd({B * T}),
        dy(normal_array({B * T, C}, dtype, 6)),
        dx_add(normal_array({B * T, C}, dtype, 7)),
        dx({B * T, C}, dtype),
        dbranch({B * T, C}, dtype),
        dgamma({C}),
        dbeta({C}),
        dbias({C}) {
    for (std::int64_t b = 0; b < B; ++b) sequences.set(b, 1000000.0 + 7.0 * static_cast<double>(b));
  }
  Dropout dropout(float rate) { return {rate, 99, Purpose::residual_dropout_attention, 11, sequences.tensor()}; }
  ResidualLayernormForward fused(float rate = 0.0F) {
    return {sum.tensor(),    y.tensor(),    mean.tensor(),  rstd.tensor(), residual.tensor(),
            branch.tensor(), bias.tensor(), gamma.tensor(), beta.tensor(), dropout(rate)};
  }
  LayernormForward plain(Array& x) {
    return {y.tensor(), mean.tensor(), rstd.tensor(), x.tensor(), gamma.tensor(), beta.tensor()};
  }
  LayernormBackward backward(Array& x) {
    return {dx.tensor(), dgamma.tensor(), dbeta.tensor(), dy.tensor(),   dx_add.tensor(),
            x.tensor(),  mean.tensor(),   rstd.tensor(),  gamma.tensor()};
  }
  ResidualLayernormBackward fused_backward(float rate = 0.0F) {
    return {backward(sum), dbranch.tensor(), dbias.tensor(), dropout(rate)};
  }

  Array residual, branch, bias, gamma, beta, sequences, sum, y, mean, rstd;
  Array dy, dx_add, dx, dbranch, dgamma, dbeta, dbias;
};

TEST_P(LayernormOp, ForwardMatchesDoubleLoops) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t C : {1, 7, 31, 33, 64, 131, 768}) {
      SCOPED_TRACE(::testing::Message() << name_of(dtype) << " C " << C);
      Case c(1, 5, C, dtype);
      layernorm_forward(exec(), c.plain(c.residual));
      const Reference want = reference(c.residual.values(), c.gamma.values(), c.beta.values());
      expect_close(c.mean, want.mean, 0.0, sum_error(C, 4.0));
      expect_close(c.rstd, want.rstd, sum_error(C, 1.0), 0.0);
      // A row of one element has variance 0: its rounding error is scaled by 1 / sqrt(epsilon).
      const double scale = C == 1 ? 1.0 / std::sqrt(kEpsilon) : 1.0;
      expect_close(c.y, want.y, epsilon_of(dtype), sum_error(C, 10.0 * scale));
    }
  }
}

TEST_P(LayernormOp, ForwardSurvivesALargeMean) {  // mean of squares minus square of mean would give variance 0
  Case c(1, 3, 257, DType::f32);
  Array x = normal_array({3, 257}, DType::f32, 8, 1.0, 4096.0);
  layernorm_forward(exec(), c.plain(x));
  const Reference want = reference(x.values(), c.gamma.values(), c.beta.values());
  expect_close(c.rstd, want.rstd, 1e-5, 0.0);
}

TEST_P(LayernormOp, ForwardWithoutBetaAddsNothing) {
  Case c(1, 4, 33, DType::f32);
  LayernormForward a = c.plain(c.residual);
  a.beta = {};
  layernorm_forward(exec(), a);
  const Reference want = reference(c.residual.values(), c.gamma.values(), Doubles(33, 0.0));
  expect_close(c.y, want.y, epsilon_of(DType::f32), sum_error(33, 10.0));
}

TEST_P(LayernormOp, FusedForwardAddsResidualBranchAndBias) {
  for (const DType dtype : kTypes) {
    SCOPED_TRACE(name_of(dtype));
    Case c(2, 3, 45, dtype);
    residual_layernorm_forward(exec(), c.fused());
    Doubles sum = c.residual.values();
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += c.branch[static_cast<std::int64_t>(i)] + c.bias[static_cast<std::int64_t>(i % 45)];
    }
    expect_close(c.sum, sum, epsilon_of(dtype), 2.0 * epsilon_of(DType::f32) * largest(sum));
    const Reference want = reference(c.sum.values(), c.gamma.values(), c.beta.values());
    expect_close(c.y, want.y, epsilon_of(dtype), sum_error(45, 10.0));
  }
}

TEST_P(LayernormOp, RecomputingFromTheStoredSumGivesTheSameBits) {
  for (const DType dtype : kTypes) {
    Case c(2, 4, 50, dtype);
    residual_layernorm_forward(exec(), c.fused(0.3F));
    Case again(2, 4, 50, dtype);
    layernorm_forward(exec(), again.plain(c.sum));
    EXPECT_TRUE(bytes_of_all(c.y, c.mean, c.rstd) == bytes_of_all(again.y, again.mean, again.rstd)) << name_of(dtype);
  }
}

TEST_P(LayernormOp, FusedForwardMayOverwriteItsInputs) {
  Case apart(2, 3, 40, DType::bf16);
  residual_layernorm_forward(exec(), apart.fused(0.2F));
  for (const bool over_branch : {false, true}) {
    Case c(2, 3, 40, DType::bf16);
    ResidualLayernormForward a = c.fused(0.2F);
    a.sum = over_branch ? a.branch : a.residual;
    residual_layernorm_forward(exec(), a);
    EXPECT_TRUE((over_branch ? c.branch : c.residual).bytes() == apart.sum.bytes());
    EXPECT_TRUE(c.y.bytes() == apart.y.bytes());
  }
}

TEST_P(LayernormOp, FusedDropoutFollowsTheKeyOfEachSequence) {
  constexpr std::int64_t B = 3;
  constexpr std::int64_t T = 5;
  constexpr std::int64_t C = 39;  // odd rows start inside a block of four numbers
  constexpr float rate = 0.4F;
  Case c(B, T, C, DType::f32);
  residual_layernorm_forward(exec(), c.fused(rate));
  Doubles sum = c.residual.values();
  for (std::int64_t i = 0; i < B * T * C; ++i) {
    const RandomKey key{99, Purpose::residual_dropout_attention, 11,
                        static_cast<std::uint64_t>(c.sequences[i / (T * C)])};
    const bool kept = random_u32(key, static_cast<std::uint64_t>(i % (T * C))) >= dropout_threshold(rate);
    if (kept) sum[static_cast<std::size_t>(i)] += (c.branch[i] + c.bias[i % C]) / (1.0 - rate);
  }
  expect_close(c.sum, sum, epsilon_of(DType::f32), 2.0 * epsilon_of(DType::f32) * largest(sum));
}

TEST_P(LayernormOp, BackwardMatchesFiniteDifferences) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t C : {7, 16, 33}) {
      SCOPED_TRACE(::testing::Message() << name_of(dtype) << " C " << C);
      Case c(1, 4, C, dtype);
      layernorm_forward(exec(), c.plain(c.residual));
      c.dgamma.fill(0.5);  // gradients of parameters accumulate
      c.dbeta.fill(-0.5);
      layernorm_backward(exec(), c.backward(c.residual));

      const Doubles dy = c.dy.values();
      const Doubles x = c.residual.values();
      const Doubles gamma = c.gamma.values();
      const Doubles beta = c.beta.values();
      const auto of_x = [&](const Doubles& v) {
        return dot(dy, reference(v, gamma, beta).y) + dot(c.dx_add.values(), v);
      };
      const auto of_gamma = [&](const Doubles& v) {
        return dot(dy, reference(x, v, beta).y) + 0.5 * dot(Doubles(v.size(), 1.0), v);
      };
      const auto of_beta = [&](const Doubles& v) {
        return dot(dy, reference(x, gamma, v).y) - 0.5 * dot(Doubles(v.size(), 1.0), v);
      };
      const double error = sum_error(C, 10.0) + 1e-7;
      expect_close(c.dx, numeric_gradient(of_x, x), epsilon_of(dtype), error);
      expect_close(c.dgamma, numeric_gradient(of_gamma, gamma), epsilon_of(DType::f32), error);
      expect_close(c.dbeta, numeric_gradient(of_beta, beta), epsilon_of(DType::f32), error);
    }
  }
}

TEST_P(LayernormOp, FusedBackwardSendsTheGradientThroughTheMask) {
  constexpr float rate = 0.25F;
  for (const DType dtype : kTypes) {
    SCOPED_TRACE(name_of(dtype));
    Case c(2, 40, 33, dtype);  // more rows than a block of partial sums
    residual_layernorm_forward(exec(), c.fused(rate));
    residual_layernorm_backward(exec(), c.fused_backward(rate));
    Doubles dbranch = c.dx.values();
    Doubles dbias(33, 0.0);
    for (std::int64_t i = 0; i < c.dx.count(); ++i) {
      const RandomKey key{99, Purpose::residual_dropout_attention, 11,
                          static_cast<std::uint64_t>(c.sequences[i / (40 * 33)])};
      const bool kept = random_u32(key, static_cast<std::uint64_t>(i % (40 * 33))) >= dropout_threshold(rate);
      auto& value = dbranch[static_cast<std::size_t>(i)];
      value = kept ? value / (1.0 - rate) : 0.0;
      dbias[static_cast<std::size_t>(i % 33)] += value;
    }
    expect_close(c.dbranch, dbranch, epsilon_of(dtype), 0.0);
    expect_close(c.dbias, dbias, 0.0, sum_error(80, largest(dbranch)));
  }
}

TEST_P(LayernormOp, FusedBackwardWithoutDropoutMayShareTheGradient) {
  Case apart(1, 37, 40, DType::bf16);
  residual_layernorm_forward(exec(), apart.fused());
  residual_layernorm_backward(exec(), apart.fused_backward());
  EXPECT_TRUE(apart.dbranch.bytes() == apart.dx.bytes());

  Case shared(1, 37, 40, DType::bf16);
  residual_layernorm_forward(exec(), shared.fused());
  ResidualLayernormBackward a = shared.fused_backward();
  a.norm.dx = a.norm.dx_add;
  a.dbranch = a.norm.dx_add;
  residual_layernorm_backward(exec(), a);
  EXPECT_TRUE(shared.dx_add.bytes() == apart.dx.bytes());
  EXPECT_TRUE(bytes_of_all(shared.dgamma, shared.dbeta, shared.dbias) ==
              bytes_of_all(apart.dgamma, apart.dbeta, apart.dbias));
}

TEST_P(LayernormOp, BitsDoNotDependOnThreads) {
  for (const DType dtype : kTypes) {
    expect_same_bits_for_threads([&] {
      Case c(3, 47, 100, dtype);
      residual_layernorm_forward(exec(), c.fused(0.1F));
      residual_layernorm_backward(exec(), c.fused_backward(0.1F));
      return bytes_of_all(c.sum, c.y, c.mean, c.rstd, c.dx, c.dbranch, c.dgamma, c.dbeta, c.dbias);
    });
  }
}

PHALANX_EACH_TABLE(LayernormOp);

TEST(LayernormChecks, PlanningTakesWhatRunningTakes) {
  Case c(3, 50, 70, DType::f32);
  const PlanningExec planning;
  residual_layernorm_backward(planning.exec(), c.fused_backward());
  const CpuExec running(planning.peak());
  residual_layernorm_backward(running.exec(), c.fused_backward());
  EXPECT_EQ(running.workspace().peak(), planning.peak());
}

TEST(LayernormChecks, MisuseThrows) {
  const CpuExec cpu;
  Case c(2, 3, 8, DType::f32);
  Case other(2, 3, 9, DType::f32);
  LayernormForward wrong_shape = c.plain(c.residual);
  wrong_shape.gamma = other.gamma.tensor();
  EXPECT_THROW(layernorm_forward(cpu.exec(), wrong_shape), Error);
  LayernormForward missing = c.plain(c.residual);
  missing.mean = {};
  EXPECT_THROW(layernorm_forward(cpu.exec(), missing), Error);
  ResidualLayernormForward rate = c.fused(1.0F);
  EXPECT_THROW(residual_layernorm_forward(cpu.exec(), rate), Error);
  ResidualLayernormForward no_sequences = c.fused(0.5F);
  no_sequences.dropout.sequences = {};
  EXPECT_THROW(residual_layernorm_forward(cpu.exec(), no_sequences), Error);
  ResidualLayernormBackward shared = c.fused_backward(0.5F);
  shared.dbranch = shared.norm.dx;
  EXPECT_THROW(residual_layernorm_backward(cpu.exec(), shared), Error);
}

}  // namespace
}  // namespace phalanx::ops
