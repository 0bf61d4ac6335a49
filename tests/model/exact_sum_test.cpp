// Order-free sums of squares, on every instruction set.
#include "model/ops/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/arrays.h"
#include "tests/support/exec.h"

namespace phalanx::ops {
namespace {

using phalanx::testing::Array;

class ExactSquares : public phalanx::testing::EachCpuLevel {
 protected:
  // Limbs of elements [begin, begin + n), added to `limbs`.
  void add(std::vector<std::int64_t>& limbs, const Tensor& x, int exponent) {
    std::vector<std::int64_t> part(kSquareLimbs);
    exact_sum_of_squares(exec(), host_tensor(part.data(), {kSquareLimbs}), x, exponent);
    for (std::size_t i = 0; i < kSquareLimbs; ++i) limbs[i] += part[i];
  }
  int exponent_of(const Tensor& x) {
    std::int64_t bits = 0;
    largest_magnitude(exec(), host_tensor(&bits, {1}), x);
    return std::ilogb(std::bit_cast<float>(static_cast<std::int32_t>(bits))) + 1;
  }
};
PHALANX_EACH_TABLE(ExactSquares);

// Normal numbers over many magnitudes, one of them far above the others.
Array wide_numbers(std::int64_t n) {
  Array x = phalanx::testing::normal_array({n}, DType::f32, 5);
  for (std::int64_t i = 0; i < n; ++i) x.set(i, x[i] * std::ldexp(1.0, static_cast<int>(i % 23) - 12));
  x.set(n / 3, 5000.0);
  return x;
}

TEST_P(ExactSquares, MatchTheSumInLongDouble) {
  for (const std::int64_t n : {1, 31, 4096, 4097, 100003}) {
    Array x = wide_numbers(n);
    long double want = 0;
    for (std::int64_t i = 0; i < n; ++i) want += static_cast<long double>(x[i]) * static_cast<long double>(x[i]);
    std::vector<std::int64_t> limbs(kSquareLimbs, 0);
    const int exponent = exponent_of(x.tensor());
    add(limbs, x.tensor(), exponent);
    // 80 bits behind the point: far below the last bit of the result.
    EXPECT_NEAR(square_sum(limbs.data(), exponent) / static_cast<double>(want), 1.0, 4e-16) << n;
  }
}

TEST_P(ExactSquares, PiecesAddUpToTheSameBits) {
  constexpr std::int64_t n = 60001;
  Array x = wide_numbers(n);
  const int exponent = exponent_of(x.tensor());
  std::vector<std::int64_t> whole(kSquareLimbs, 0);
  add(whole, x.tensor(), exponent);
  for (const std::int64_t piece : {1000, 4096, 7777, 33333}) {
    std::vector<std::int64_t> limbs(kSquareLimbs, 0);
    for (std::int64_t begin = 0; begin < n; begin += piece) {
      add(limbs, x.tensor().slice(begin, std::min(piece, n - begin)), exponent);
    }
    EXPECT_EQ(square_sum(limbs.data(), exponent), square_sum(whole.data(), exponent)) << piece;
  }
}

TEST_P(ExactSquares, WhatIsNotFiniteStandsOut) {
  for (const double bad : {static_cast<double>(std::numeric_limits<float>::infinity()), std::nan("")}) {
    Array x = phalanx::testing::normal_array({5000}, DType::f32, 5);
    std::int64_t bits = 0;
    largest_magnitude(exec(), host_tensor(&bits, {1}), x.tensor());
    EXPECT_LE(bits, kLargestFinite);
    x.set(4321, bad);
    largest_magnitude(exec(), host_tensor(&bits, {1}), x.tensor());
    EXPECT_GT(bits, kLargestFinite);
  }
}

}  // namespace
}  // namespace phalanx::ops
