// What is hidden: exact shares, whole words, runs, and nothing that is special.
#include "data/masker.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/data/masked_fixture.h"

namespace phalanx::data {
namespace {

constexpr std::size_t kT = 128;
constexpr std::int64_t kRows = 8200;  // of 126 tokens that may be hidden: more than 10^6

// [CLS] ids [SEP], or with a [SEP] amid.
std::vector<std::int32_t> sequence(std::uint64_t ordinal, std::size_t second_sep = 0) {
  std::vector<std::int32_t> tokens(kT);
  for (std::size_t t = 0; t < kT; ++t) tokens[t] = static_cast<std::int32_t>(kFirstId + (t * 7 + ordinal * 13) % 250);
  tokens.front() = kCls;
  tokens.back() = kSep;
  if (second_sep > 0) tokens[second_sep] = kSep;
  return tokens;
}

struct Hidden {
  std::vector<std::int32_t> before, after, targets, slots;
  std::int64_t count = 0;
};

Hidden hide(Masker& masker, std::uint64_t ordinal, std::size_t P, std::size_t second_sep = 0) {
  Hidden h;
  h.before = h.after = sequence(ordinal, second_sep);
  h.targets.resize(P);
  h.slots.resize(P);
  h.count = masker.mask(ordinal, std::span(h.after), 0, std::span(h.targets), std::span(h.slots));
  return h;
}

// Five standard deviations of a share of n draws.
double bound(double share, std::int64_t n) { return 5 * std::sqrt(share * (1 - share) / static_cast<double>(n)); }

TEST(Masker, SharesAreExactOverAMillionTokens) {
  Masker masker(masked_lm(), 5);
  std::int64_t masked = 0, kept = 0, random = 0;
  std::vector<std::int64_t> at(kT), drawn(257);
  for (std::int64_t row = 0; row < kRows; ++row) {
    const Hidden h = hide(masker, static_cast<std::uint64_t>(row), 19);
    ASSERT_EQ(h.count, 19) << "round(0.15 * 126)";
    std::size_t differ = 0;
    for (std::size_t i = 0; i < 19; ++i) {
      const auto t = static_cast<std::size_t>(h.slots[i]);
      ASSERT_TRUE(i == 0 || h.slots[i] > h.slots[i - 1]);
      ASSERT_EQ(h.targets[i], h.before[t]);
      ASSERT_GE(h.targets[i], kFirstId) << "a special token";
      ++at[t];
      masked += h.after[t] == kMask ? 1 : 0;
      kept += h.after[t] == h.before[t] ? 1 : 0;
      differ += h.after[t] != h.before[t] ? 1 : 0;
      if (h.after[t] != kMask && h.after[t] != h.before[t]) {
        ASSERT_GE(h.after[t], kFirstId) << "a special token was drawn";
        ++drawn[static_cast<std::size_t>(h.after[t])];
        ++random;
      }
    }
    std::size_t changed = 0;
    for (std::size_t t = 0; t < kT; ++t) changed += h.after[t] != h.before[t] ? 1 : 0;
    ASSERT_EQ(changed, differ) << "something that is not predicted was changed";
  }
  const std::int64_t n = kRows * 19;
  const double by_chance = 0.1 / 252;  // a random token may be the token itself
  EXPECT_NEAR(static_cast<double>(masked) / static_cast<double>(n), 0.8, bound(0.8, n));
  EXPECT_NEAR(static_cast<double>(kept) / static_cast<double>(n), 0.1 + by_chance, bound(0.1, n));
  EXPECT_NEAR(static_cast<double>(random) / static_cast<double>(n), 0.1 - by_chance, bound(0.1, n));
  for (std::size_t t = 1; t + 1 < kT; ++t) {
    EXPECT_NEAR(static_cast<double>(at[t]) / kRows, 19.0 / 126, bound(19.0 / 126, kRows)) << "place " << t;
  }
  for (std::size_t id = kFirstId; id < drawn.size(); ++id) {
    EXPECT_NEAR(static_cast<double>(drawn[id]) / static_cast<double>(random), 1.0 / 252, bound(1.0 / 252, random));
  }
}

TEST(Masker, AnyRateAndSplit) {
  MaskedLm objective = masked_lm();
  objective.mask_probability = 0.3;
  objective.mask_token = 0.25;
  objective.random_token = 0.5;
  Masker masker(objective, 6);
  std::int64_t masked = 0, kept = 0;
  for (std::uint64_t row = 0; row < 2000; ++row) {
    const Hidden h = hide(masker, row, 38);
    ASSERT_EQ(h.count, 38);
    for (const std::int32_t slot : h.slots) {
      masked += h.after[static_cast<std::size_t>(slot)] == kMask ? 1 : 0;
      kept += h.after[static_cast<std::size_t>(slot)] == h.before[static_cast<std::size_t>(slot)] ? 1 : 0;
    }
  }
  EXPECT_NEAR(static_cast<double>(masked) / 76000, 0.25, bound(0.25, 76000));
  EXPECT_NEAR(static_cast<double>(kept) / 76000, 0.25 + 0.5 / 252, bound(0.25, 76000));
}

TEST(Masker, AllIsHiddenWhereTheSharesAreOne) {
  MaskedLm objective = masked_lm();
  objective.mask_probability = 1;
  objective.mask_token = 1;
  objective.random_token = 0;
  Masker masker(objective, 6);
  const Hidden h = hide(masker, 3, kT);
  EXPECT_EQ(h.count, 126);
  std::vector<std::int32_t> expected(kT, kMask);
  expected.front() = kCls;
  expected.back() = kSep;
  EXPECT_EQ(h.after, expected);
  EXPECT_EQ(h.targets.back(), Batch::kIgnore);
  EXPECT_EQ(h.slots.back(), 0);
}

TEST(Masker, WordsAreHiddenWholeOrNot) {
  MaskedLm objective = masked_lm();
  objective.whole_word = true;
  Masker masker(objective, 7);
  std::int64_t hidden = 0;
  for (std::uint64_t row = 0; row < 3000; ++row) {
    const Hidden h = hide(masker, row, 19, 40 + row % 50);
    ASSERT_LE(h.count, 19);
    hidden += h.count;
    std::vector<bool> is_hidden(kT);
    for (std::int64_t i = 0; i < h.count; ++i)
      is_hidden[static_cast<std::size_t>(h.slots[static_cast<std::size_t>(i)])] = true;
    for (std::size_t t = 1; t < kT; ++t) {
      const bool continues = objective.vocabulary.continues_word[static_cast<std::size_t>(h.before[t])];
      const bool after_special = h.before[t - 1] < kFirstId;
      if (continues && !after_special) {
        ASSERT_EQ(is_hidden[t], is_hidden[t - 1]) << "row " << row << " token " << t;
      }
    }
  }
  EXPECT_GT(hidden, 3000 * 19 * 0.995) << "smaller words fill what larger ones leave";
}

TEST(Masker, RunsHideAsMuchTogether) {
  const auto neighbours = [](int span, bool whole_word) {
    MaskedLm objective = masked_lm();
    objective.span = span;
    objective.whole_word = whole_word;
    Masker masker(objective, 8);
    std::int64_t pairs = 0;
    for (std::uint64_t row = 0; row < 3000; ++row) {
      const Hidden h = hide(masker, row, 19);
      if (!whole_word) {
        EXPECT_EQ(h.count, 19);
      }
      for (std::int64_t i = 1; i < h.count; ++i) {
        const auto s = static_cast<std::size_t>(i);
        pairs += h.slots[s] == h.slots[s - 1] + 1 ? 1 : 0;
      }
    }
    return static_cast<double>(pairs) / (3000 * 19);
  };
  // The token before a hidden one is hidden too: of single tokens for a share of 18 / 125. Runs of n with weight 1/n up
  // to 3 have a mean of 3 / (1 + 1/2 + 1/3) = 1.64 tokens, of which 0.64 have it: 0.39, less what the last of some
  // twelve runs loses, and more where two runs meet, at most 0.14 of the other 0.61.
  EXPECT_NEAR(neighbours(1, false), 0.144, 0.01);
  EXPECT_NEAR(neighbours(3, false), 0.42, 0.05);
  EXPECT_GT(neighbours(6, false), neighbours(3, false) + 0.05);
  EXPECT_GT(neighbours(3, true), neighbours(1, true) + 0.1);
}

TEST(Masker, IsAFunctionOfSeedAndOrdinal) {
  MaskedLm objective = masked_lm();
  objective.span = 3;
  Masker a(objective, 9), b(objective, 9), c(objective, 10);
  for (const std::uint64_t row : {7, 3, 5, 3}) hide(b, row, 19);
  const Hidden first = hide(a, 3, 19), again = hide(b, 3, 19);
  EXPECT_EQ(first.after, again.after);
  EXPECT_EQ(first.slots, again.slots);
  EXPECT_NE(hide(c, 3, 19).slots, first.slots);
  EXPECT_NE(hide(a, 4, 19).slots, first.slots);
}

TEST(Masker, NothingIsPredictedWhereNothingMayBe) {
  Masker masker(masked_lm(), 9);
  std::vector<std::int32_t> tokens = {kCls, 1, kSep}, targets(4), slots(4);
  EXPECT_EQ(masker.mask(0, std::span(tokens), 30, std::span(targets), std::span(slots)), 0);
  EXPECT_EQ(tokens, (std::vector<std::int32_t>{kCls, 1, kSep}));
  EXPECT_EQ(targets, std::vector<std::int32_t>(4, Batch::kIgnore));
  EXPECT_EQ(slots, std::vector<std::int32_t>(4, 30));
  tokens[1] = 77;  // one token: it is predicted, whatever the rate
  EXPECT_EQ(masker.mask(0, std::span(tokens), 30, std::span(targets), std::span(slots)), 1);
  EXPECT_EQ(slots, (std::vector<std::int32_t>{31, 30, 30, 30}));
}

}  // namespace
}  // namespace phalanx::data
