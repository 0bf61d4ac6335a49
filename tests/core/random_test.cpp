// Philox against its published vectors, and the distributions made of it.
#include "core/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace phalanx {
namespace {

// Known-answer vectors of Random123's philox4x32-10.
TEST(Random, PhiloxMatchesPublishedVectors) {
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, 0), (Random4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32_10({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffffffffffffULL),
            (Random4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822ULL),
            (Random4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, KeysThatDifferInOneFieldGiveOtherNumbers) {
  const RandomKey key{7, Purpose::masking, 3, 5};
  const std::uint32_t base = random_u32(key, 11);
  EXPECT_NE(base, random_u32({8, Purpose::masking, 3, 5}, 11));
  EXPECT_NE(base, random_u32({7, Purpose::generation, 3, 5}, 11));
  EXPECT_NE(base, random_u32({7, Purpose::masking, 4, 5}, 11));
  EXPECT_NE(base, random_u32({7, Purpose::masking, 3, 6}, 11));
  EXPECT_NE(base, random_u32(key, 12));
  EXPECT_EQ(base, random_u32(key, 11));
}

TEST(Random, NormalsDoNotDependOnHowTheRangeIsCut) {
  const RandomKey key{42, Purpose::initial_values, 9, 0};
  std::vector<float> whole(1001), parts(1001);
  fill_normal(key, 3, 1001, 0.5F, whole.data());
  for (int begin = 0; begin < 1001; begin += 7) {
    fill_normal(key, 3 + static_cast<std::uint64_t>(begin), std::min(7, 1001 - begin), 0.5F, parts.data() + begin);
  }
  EXPECT_EQ(whole, parts);
}

// Runs of different versions and processors start from the same weights.
TEST(Random, NormalsKeepTheirValues) {
  const std::vector<float> expected = {-0x1.236afcp-3F, 0x1.b6a8c4p-1F, -0x1.9252dap-3F, -0x1.ac3edap-1F,
                                       0x1.96c29cp-1F,  0x1.870f44p-3F, -0x1.7c8202p-2F, 0x1.d37474p-2F};
  std::vector<float> z(8);
  fill_normal({42, Purpose::initial_values, 9, 0}, 5, 8, 0.5F, z.data());
  EXPECT_EQ(z, expected);
}

// Moments of n samples: standard errors are 1/sqrt(n), sqrt(2/n), sqrt(15/n), sqrt(96/n); five of each allowed.
TEST(Random, NormalsHaveTheMomentsOfANormal) {
  constexpr int n = 400000;
  std::vector<float> z(n);
  fill_normal({1, Purpose::initial_values, 0, 0}, 0, n, 1.0F, z.data());
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (const float x : z) {
    m1 += x;
    m2 += double{x} * x;
    m3 += double{x} * x * x;
    m4 += double{x} * x * x * x;
  }
  EXPECT_NEAR(m1 / n, 0.0, 5 * std::sqrt(1.0 / n));
  EXPECT_NEAR(m2 / n, 1.0, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(m3 / n, 0.0, 5 * std::sqrt(15.0 / n));
  EXPECT_NEAR(m4 / n, 3.0, 5 * std::sqrt(96.0 / n));
}

TEST(Random, DropoutThresholdIsTheShareOfDroppedNumbers) {
  constexpr int n = 100000;
  int dropped = 0;
  for (int i = 0; i < n; ++i) {
    dropped += static_cast<int>(random_u32({3, Purpose::embedding_dropout, 0, 1}, static_cast<std::uint64_t>(i)) <
                                dropout_threshold(0.1F));
  }
  EXPECT_NEAR(dropped, 0.1 * n, 5 * std::sqrt(n * 0.1 * 0.9));
}

}  // namespace
}  // namespace phalanx
