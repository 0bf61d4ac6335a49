#include "model/ops/cross_entropy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/arrays.h"
#include "tests/support/exec.h"
#include "tests/support/gradient_check.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr DType kTypes[] = {DType::f32, DType::bf16};

class CrossEntropy : public EachCpuLevel {};

// Loss of row n over the true columns, in double.
double row_loss(const Doubles& z, std::int64_t n, std::int64_t V, std::int64_t valid, int target) {
  const double* row = z.data() + n * V;
  double sum = 0.0;
  for (std::int64_t v = 0; v < valid; ++v) sum += std::exp(row[v] - row[0]);
  return target < 0 ? 0.0 : std::log(sum) + row[0] - row[target];
}

// N rows over V columns of which `valid` are true; every fifth target is ignored.
struct Case {
  Case(std::int64_t N, std::int64_t V, std::int64_t valid, DType dtype, double spread = 3.0)
      : N(N),
        V(V),
        valid(valid),
        logits(normal_array({N, V}, dtype, 1, spread)),
        targets({N}, DType::i32),
        lse({N}),
        losses({N}),
        loss_sum({1}, DType::f64),
        correct({1}, DType::f64) {
    for (std::int64_t n = 0; n < N; ++n) targets.set(n, n % 5 == 4 ? -1.0 : static_cast<double>(n * 7 % valid));
    for (std::int64_t n = 0; n < N; ++n) {  // what lies in the padding must not matter
      for (std::int64_t v = valid; v < V; ++v) logits.set(n * V + v, 50.0);
    }
  }
  [[nodiscard]] int target(std::int64_t n) const { return static_cast<int>(targets[n]); }

  // Loss over `parts` equal shards of the columns, then the gradient in place.
  void run(const Exec& exec, std::int64_t parts, float scale) {
    const std::int64_t width = V / parts;
    std::vector<Array> shards;
    Array stats({parts, N, 3});
    for (std::int64_t s = 0; s < parts; ++s) {
      Array& shard = shards.emplace_back(Shape{N, width}, logits.dtype());
      for (std::int64_t i = 0; i < N * width; ++i) shard.set(i, logits[i / width * V + s * width + i % width]);
      cross_entropy_stats(exec, {stats.tensor()[s], shard.tensor(), targets.tensor(), s * width, valid_of(s, width)});
    }
    cross_entropy_combine(
        exec, {lse.tensor(), losses.tensor(), loss_sum.tensor(), correct.tensor(), stats.tensor(), targets.tensor()});
    for (std::int64_t s = 0; s < parts; ++s) {
      Array& shard = shards[static_cast<std::size_t>(s)];
      cross_entropy_backward(exec,
                             {shard.tensor(), lse.tensor(), targets.tensor(), s * width, valid_of(s, width), scale});
      for (std::int64_t i = 0; i < N * width; ++i) logits.set(i / width * V + s * width + i % width, shard[i]);
    }
  }
  [[nodiscard]] std::int64_t valid_of(std::int64_t s, std::int64_t width) const {
    return std::clamp<std::int64_t>(valid - s * width, 0, width);
  }

  std::int64_t N, V, valid;
  Array logits, targets, lse, losses, loss_sum, correct;
};

TEST_P(CrossEntropy, LossMatchesClosedForm) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t V : {1, 31, 33, 64, 2049, 5000}) {
      SCOPED_TRACE(::testing::Message() << name_of(dtype) << " V " << V);
      Case c(9, V, V == 64 ? 50 : V, dtype);
      const Doubles z = c.logits.values();
      c.loss_sum.set(0, 2.0);  // accumulates
      c.run(exec(), 1, 1.0F);
      Doubles want;
      double sum = 2.0;
      for (std::int64_t n = 0; n < 9; ++n) want.push_back(row_loss(z, n, V, c.valid, c.target(n)));
      for (const double loss : want) sum += loss;
      // Sum of V exponentials in four times kLanes running sums, then log: relative errors of the sum become absolute.
      const double error = epsilon_of(DType::f32) * (8.0 + std::sqrt(static_cast<double>(V)));
      expect_close(c.losses, want, 2.0 * epsilon_of(DType::f32), error + epsilon_of(DType::f32) * 20.0);
      EXPECT_NEAR(c.loss_sum[0], sum, 9.0 * (error + epsilon_of(DType::f32) * 30.0));
    }
  }
}

TEST_P(CrossEntropy, GradientMatchesFiniteDifferences) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t parts : {1, 2, 4}) {
      SCOPED_TRACE(::testing::Message() << name_of(dtype) << " parts " << parts);
      constexpr std::int64_t N = 6;
      constexpr std::int64_t V = 44;
      constexpr float scale = 0.125F;
      Case c(N, V, 41, dtype);
      const Doubles z = c.logits.values();
      const auto loss = [&](const Doubles& v) {
        double sum = 0.0;
        for (std::int64_t n = 0; n < N; ++n) sum += scale * row_loss(v, n, V, 41, c.target(n));
        return sum;
      };
      const Doubles want = numeric_gradient(loss, z);
      c.run(exec(), parts, scale);
      expect_close(c.logits, want, epsilon_of(dtype) + 32.0 * epsilon_of(DType::f32), 1e-9);
      for (std::int64_t n = 0; n < N; ++n) {
        for (std::int64_t v = 41; v < V; ++v) EXPECT_EQ(c.logits[n * V + v], 0.0);
      }
    }
  }
}

TEST_P(CrossEntropy, SplitVocabularyEqualsWhole) {
  for (const DType dtype : kTypes) {
    Case whole(20, 1024, 1000, dtype);
    whole.run(exec(), 1, 1.0F);
    for (const std::int64_t parts : {2, 4, 32}) {  // of 32 parts the last is all padding
      Case split(20, 1024, 1000, dtype);
      split.run(exec(), parts, 1.0F);
      expect_close(split.losses, whole.losses.values(), 0.0, 32.0 * epsilon_of(DType::f32));
      expect_close(split.logits, whole.logits.values(), epsilon_of(dtype) + 32.0 * epsilon_of(DType::f32), 1e-12);
    }
  }
}

TEST_P(CrossEntropy, CountsTheTargetsWithTheLargestLogit) {
  for (const std::int64_t parts : {1, 4}) {
    Case c(20, 128, 100, DType::f32);
    for (const std::int64_t n : {0, 3, 4, 17}) {  // row 4 is ignored
      c.logits.set(n * c.V + std::max(c.target(n), 0), 20.0);
    }
    c.correct.set(0, 10.0);  // accumulates
    double want = 10.0;
    for (std::int64_t n = 0; n < c.N; ++n) {
      const Doubles z = c.logits.values();
      const double* row = z.data() + n * c.V;
      if (c.target(n) >= 0 && *std::max_element(row, row + c.valid) == row[c.target(n)]) want += 1.0;
    }
    c.run(exec(), parts, 1.0F);
    EXPECT_EQ(c.correct[0], want);
    EXPECT_GE(want, 13.0);
    EXPECT_LT(want, 26.0);
  }
}

TEST_P(CrossEntropy, IgnoredRowsGiveNothing) {
  Case c(6, 33, 33, DType::f32);
  for (std::int64_t n = 0; n < 6; ++n) c.targets.set(n, -1.0);
  c.run(exec(), 1, 1.0F);
  EXPECT_EQ(c.loss_sum[0], 0.0);
  for (const double v : c.logits.values()) EXPECT_EQ(v, 0.0);
}

TEST_P(CrossEntropy, LargeLogitsDoNotOverflow) {
  Case c(5, 100, 100, DType::f32, 3000.0);
  const Doubles z = c.logits.values();
  c.run(exec(), 2, 1.0F);
  for (std::int64_t n = 0; n < 4; ++n) {
    const double* row = z.data() + n * 100;
    const double want = *std::max_element(row, row + 100) - row[c.target(n)];  // others are 3000 apart
    EXPECT_NEAR(c.losses[n], want, 1e-3 * std::max(1.0, want));
  }
  for (const double v : c.logits.values()) EXPECT_TRUE(std::isfinite(v));
}

TEST_P(CrossEntropy, LossShowsALogitThatIsNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const std::int64_t place : {0, 40, 69}) {
      Case c(1, 70, 70, DType::f32);
      c.logits.set(place, bad);
      c.run(exec(), 2, 1.0F);
      EXPECT_FALSE(std::isfinite(c.loss_sum[0])) << bad << " at " << place;
    }
  }
}

TEST_P(CrossEntropy, BitsDoNotDependOnThreads) {
  for (const DType dtype : kTypes) {
    expect_same_bits_for_threads([&] {
      Case c(37, 600, 590, dtype);
      c.run(exec(), 2, 0.01F);
      return bytes_of_all(c.logits, c.lse, c.losses, c.loss_sum, c.correct);
    });
  }
}

PHALANX_EACH_TABLE(CrossEntropy);

TEST(CrossEntropyChecks, MisuseThrows) {
  const CpuExec cpu;
  Case c(4, 10, 10, DType::f32);
  Array stats({1, 4, 3});
  EXPECT_THROW(cross_entropy_stats(cpu.exec(), {stats.tensor()[0], c.logits.tensor(), c.targets.tensor(), 0, 11}),
               Error);
  EXPECT_THROW(cross_entropy_stats(cpu.exec(), {stats.tensor(), c.logits.tensor(), c.targets.tensor(), 0, 10}), Error);
  EXPECT_THROW(cross_entropy_backward(cpu.exec(), {c.logits.tensor(), {}, c.targets.tensor(), 0, 10}), Error);
  EXPECT_THROW(cross_entropy_combine(cpu.exec(),
                                     {c.lse.tensor(), c.losses.tensor(), {}, {}, stats.tensor(), c.targets.tensor()}),
               Error);
}

}  // namespace
}  // namespace phalanx::ops
