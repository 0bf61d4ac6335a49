#include "core/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace phalanx {
namespace {

TEST(ExactSum, HasTheSameBitsInAnyOrderAndAnySplit) {
  std::mt19937_64 random(1);
  std::vector<double> terms;
  long double sum = 0;
  for (int i = 0; i < 5000; ++i) {
    terms.push_back(std::normal_distribution<double>(0.0, 1.0)(random) * std::pow(10.0, i % 9));
    sum += terms.back();
  }
  const auto sum_of = [&](std::size_t ranks) {
    std::vector<ExactSum> parts(ranks);
    for (std::size_t i = 0; i < terms.size(); ++i) parts[i * ranks / terms.size()].add(terms[i]);
    ExactSum all;
    for (ExactSum& part : parts) {
      for (std::size_t i = 0; i < 3; ++i) all.limbs()[i] += part.limbs()[i];
    }
    return all.value();
  };
  const double first = sum_of(1);
  // Each term is off by at most half of 2^-40.
  EXPECT_NEAR(first, static_cast<double>(sum), 5000 * 0x1p-41 + 1e-16 * std::abs(static_cast<double>(sum)));
  for (const std::size_t ranks : {2, 3, 7}) {
    std::shuffle(terms.begin(), terms.end(), random);
    EXPECT_EQ(sum_of(ranks), first);
  }
}

TEST(ExactSum, SmallNegativeAndWholeTermsAreExact) {
  ExactSum sum;
  for (const double term : {-0.75, 3.0, -2.5, 0x1p-40, 0x1p40}) sum.add(term);
  EXPECT_EQ(sum.value(), 0x1p40 - 0.25 + 0x1p-40);
}

TEST(ExactSum, WhatIsNotFiniteIsNotLost) {
  for (const double bad : {std::numeric_limits<double>::infinity(), std::nan(""), 1e300}) {
    ExactSum sum;
    sum.add(1.0);
    sum.add(bad);
    EXPECT_TRUE(std::isnan(sum.value()));
  }
}

}  // namespace
}  // namespace phalanx
