#include "data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "core/check.h"
#include "data/feistel.h"

namespace phalanx::data {
namespace {

TEST(Permutation, VisitsEachNumberOnceForAnySize) {
  for (const std::uint64_t size : {1, 2, 3, 4, 5, 15, 16, 17, 31, 64, 65, 1000, 1024, 4097}) {
    const Permutation order({7, Purpose::sample_order, 3, 11}, size);
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < size; ++i) seen.insert(order(i));
    EXPECT_EQ(seen.size(), size);
    EXPECT_EQ(*seen.rbegin(), size - 1);
  }
}

TEST(Permutation, KeysGiveUnrelatedOrders) {
  // Of 1,000 numbers a random permutation leaves k in place with a Poisson probability of mean 1: P(k > 12) < 1e-10.
  const Permutation a({1, Purpose::sample_order, 0, 0}, 1000), b({1, Purpose::sample_order, 0, 1}, 1000);
  int fixed = 0, same = 0;
  double displacement = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    fixed += a(i) == i ? 1 : 0;
    same += a(i) == b(i) ? 1 : 0;
    displacement += std::abs(static_cast<double>(a(i)) - static_cast<double>(i)) / 1000;
  }
  EXPECT_LE(fixed, 12);
  EXPECT_LE(same, 12);
  // Mean distance of two uniform numbers is n/3; its standard deviation here is below n sqrt(1/18) / sqrt(n) = 7.5.
  EXPECT_NEAR(displacement, 333.3, 5 * 7.5);
}

// Positions [0, count) by source and epoch.
std::map<std::pair<std::size_t, std::int64_t>, std::vector<std::int64_t>> visits(const Sampler& sampler,
                                                                                 std::int64_t count) {
  std::map<std::pair<std::size_t, std::int64_t>, std::vector<std::int64_t>> seen;
  for (std::int64_t p = 0; p < count; ++p) {
    const Sample sample = sampler.at(p);
    seen[{sample.source, sample.epoch}].push_back(sample.window);
  }
  return seen;
}

// No window comes twice in an epoch, and each comes once in all epochs but a source's last.
void expect_whole_epochs(const std::vector<SamplerSource>& sources, std::int64_t count) {
  auto seen = visits(Sampler(1234, sources), count);
  for (auto& [key, windows] : seen) {
    const auto [source, epoch] = key;
    std::sort(windows.begin(), windows.end());
    EXPECT_EQ(std::adjacent_find(windows.begin(), windows.end()), windows.end()) << "source " << source;
    const bool is_last = !seen.contains({source, epoch + 1});
    if (is_last) continue;  // not finished
    std::vector<std::int64_t> all(static_cast<std::size_t>(sources[source].windows));
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(windows, all) << "source " << source << " epoch " << epoch;
  }
}

TEST(Sampler, EachEpochOfASourceVisitsEachWindowOnce) {
  expect_whole_epochs({{0.7, 331}, {0.2, 7}, {0.1, 1}}, 5 * Sampler::kBlock);
}

TEST(Sampler, SmallestSharesMissNoVisit) {
  std::vector<SamplerSource> sources(900, {1.0, 5});
  sources.push_back({0.91, 5});  // just above a thousandth
  expect_whole_epochs(sources, 20 * Sampler::kBlock);
}

TEST(Sampler, WeightsAreRealisedInEveryBlock) {
  const std::vector<SamplerSource> sources = {{3, 1000}, {0.5, 100}, {0.01, 10}, {1, 77}};
  const Sampler sampler(5, sources);
  std::vector<std::int64_t> counts(sources.size());
  for (std::int64_t block = 0; block < 200; ++block) {
    for (std::int64_t p = 0; p < Sampler::kBlock; ++p) ++counts[sampler.at(block * Sampler::kBlock + p).source];
    for (std::size_t s = 0; s < sources.size(); ++s) {
      const double expected = 1024.0 * static_cast<double>(block + 1) * sources[s].weight / 4.51;
      EXPECT_LT(std::abs(static_cast<double>(counts[s]) - expected), 1 + 1e-6) << "a difference of two floors";
    }
  }
}

TEST(Sampler, IsAFunctionOfSeedAndPosition) {
  const std::vector<SamplerSource> sources = {{1, 1000}, {2, 500}};
  const Sampler a(1, sources), again(1, sources), b(2, sources);
  int same = 0;
  for (std::int64_t p = 4095; p >= 0; --p) {
    EXPECT_EQ(a.at(p), again.at(p));
    same += a.at(p) == b.at(p) ? 1 : 0;
  }
  EXPECT_LT(same, 60) << "another seed is another order: about 4096 (1/9/1000 + 4/9/500), and few more";
}

TEST(Sampler, OrderIsFrozen) {
  // A change here changes what every run reads after a resume.
  const Sampler sampler(1234, {{0.75, 1000}, {0.25, 33}});
  const std::int64_t positions[] = {0, 1, 2, 1023, 1024, 1000000, (std::int64_t{1} << 40) - 1};
  std::vector<Sample> found;
  for (const std::int64_t p : positions) found.push_back(sampler.at(p));
  const std::vector<Sample> golden = {{0, 386, 0}, {1, 19, 0},    {0, 570, 0},        {0, 242, 0},
                                      {0, 843, 1}, {0, 407, 749}, {0, 142, 824633720}};
  EXPECT_EQ(found, golden);
}

TEST(Sampler, WeightsThatCannotBeRealisedAreRefused) {
  EXPECT_THROW(Sampler(1, {}), UsageError);
  EXPECT_THROW(Sampler(1, {{0, 5}}), UsageError);
  EXPECT_THROW(Sampler(1, {{-1, 5}, {2, 5}}), UsageError);
  EXPECT_THROW(Sampler(1, {{1, 5}, {0.0009, 5}}), UsageError);
  EXPECT_THROW(Sampler(1, {{HUGE_VAL, 5}}), UsageError);
}

}  // namespace
}  // namespace phalanx::data
