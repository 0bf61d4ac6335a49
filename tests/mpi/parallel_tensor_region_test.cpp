// Sums over virtual shards have the same bits on any number of ranks.
#include "parallel/tensor_region.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "tests/support/bits.h"
#include "tests/support/mpi_main.h"

namespace phalanx {
namespace {

constexpr std::int64_t kCount = 4099;

float partial(int shard, std::int64_t i) {
  return std::sin(static_cast<float>(i * 7 + shard * 131)) * std::ldexp(1.0F, static_cast<int>((i + shard * 5) % 9));
}

template <class T>
T tree(int begin, int n, std::int64_t i) {
  if (n == 1) return T(partial(begin, i));
  return T(static_cast<float>(tree<T>(begin, n / 2, i)) + static_cast<float>(tree<T>(begin + n / 2, n - n / 2, i)));
}

template <class T>
std::vector<T> partials_of(const TensorShards& shards) {
  std::vector<T> values;
  for (int s = 0; s < shards.count; ++s) {
    for (std::int64_t i = 0; i < kCount; ++i) values.push_back(T(partial(shards.begin + s, i)));
  }
  return values;
}

template <class T>
class TensorRegionMpi : public ::testing::Test {};
using Types = ::testing::Types<float, bf16>;
TYPED_TEST_SUITE(TensorRegionMpi, Types);

// 4, 6 and 12 shards held by 1, 2 and 4 ranks: each number of ranks is compared with one formula, so with the others.
TYPED_TEST(TensorRegionMpi, AFixedNumberOfShardsGivesTheSameBitsOnAnyNumberOfRanks) {
  Runtime& runtime = test_runtime();
  for (int ranks = 1; ranks <= runtime.world_size(); ranks *= 2) {
    const Runtime::Axes axes = runtime.split(Grid{runtime.world_size() / ranks, ranks});
    for (const int total : {4, 6, 12}) {
      if (total % ranks != 0) continue;
      const int count = total / ranks;
      const TensorRegion region(*axes.tensor, {total, axes.tensor->rank() * count, count});
      std::vector<TypeParam> partials = partials_of<TypeParam>(region.shards());
      std::vector<TypeParam> out(kCount);
      region.sum_partials(host_tensor(out.data(), {kCount}), host_tensor(partials.data(), {count, kCount}), Stream{});
      for (std::int64_t i = 0; i < kCount; ++i) {
        ASSERT_EQ(testing::bits_of(out[static_cast<std::size_t>(i)]), testing::bits_of(tree<TypeParam>(0, total, i)))
            << "element " << i << ", " << total << " shards on " << ranks << " ranks";
      }
    }
  }
}

TYPED_TEST(TensorRegionMpi, TheSumMayTakeThePlaceOfTheFirstPartial) {
  Runtime& runtime = test_runtime();
  const Runtime::Axes axes = runtime.split(Grid{1, runtime.world_size()});
  const TensorRegion region(*axes.tensor, {runtime.world_size(), runtime.world_rank(), 1});
  std::vector<TypeParam> x = partials_of<TypeParam>(region.shards());
  region.sum_partials(host_tensor(x.data(), {kCount}), host_tensor(x.data(), {1, kCount}), Stream{});
  for (std::int64_t i = 0; i < kCount; ++i) {
    const TypeParam expected = tree<TypeParam>(0, runtime.world_size(), i);
    ASSERT_EQ(testing::bits_of(x[static_cast<std::size_t>(i)]), testing::bits_of(expected)) << i;
  }
}

TYPED_TEST(TensorRegionMpi, PartsAreGatheredInTheOrderOfShards) {
  Runtime& runtime = test_runtime();
  const int ranks = runtime.world_size();
  const Runtime::Axes axes = runtime.split(Grid{1, ranks});
  const TensorRegion region(*axes.tensor, {2 * ranks, 2 * runtime.world_rank(), 2});
  std::vector<TypeParam> parts = partials_of<TypeParam>(region.shards());
  std::vector<TypeParam> all(static_cast<std::size_t>(2 * ranks * kCount));
  region.gather_parts(host_tensor(all.data(), {2 * ranks, kCount}), host_tensor(parts.data(), {2, kCount}), Stream{});
  const std::vector<TypeParam> expected = partials_of<TypeParam>({2 * ranks, 0, 2 * ranks});
  EXPECT_EQ(std::memcmp(all.data(), expected.data(), all.size() * sizeof(TypeParam)), 0);
}

TEST(TensorRegionShardsMpi, RanksMustHoldEqualPartsInOrder) {
  Runtime& runtime = test_runtime();
  const int ranks = runtime.world_size();
  const Runtime::Axes axes = runtime.split(Grid{1, ranks});
  EXPECT_THROW(TensorRegion(*axes.tensor, {ranks + 1, runtime.world_rank(), 1}), Error);
  EXPECT_THROW(TensorRegion(*axes.tensor, {ranks, runtime.world_rank() + 1, 1}), Error);
  EXPECT_THROW(TensorRegion(*axes.tensor, {ranks, runtime.world_rank(), 0}), Error);
}

}  // namespace
}  // namespace phalanx
