// Orders of elements between parameters and folders.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "trainer/hf/place.h"

namespace phalanx::hf {
namespace {

std::vector<float> counted(std::int64_t n) {
  std::vector<float> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

std::vector<float> gathered(const Place& place, const std::vector<float>& values) {
  std::vector<float> all;
  gather(place, values, [&](const float* part, std::int64_t count) { all.insert(all.end(), part, part + count); });
  return all;
}

void scatter_from(const Place& place, const std::vector<float>& folder, std::vector<float>& values) {
  std::size_t done = 0;
  scatter(
      place,
      [&](float* part, std::int64_t count) {
        std::copy_n(folder.begin() + static_cast<std::ptrdiff_t>(done), count, part);
        done += static_cast<std::size_t>(count);
      },
      values);
  EXPECT_EQ(done, folder.size());
}

TEST(HfPlace, ATransposedMatrixHasItsDimsExchanged) {
  const Shape shape{3, 7, 11, 131};  // more columns than are turned at once
  const Place place = transpose(0, shape, "w");
  EXPECT_EQ(place.shape, (std::vector<std::int64_t>{131, 231}));
  const std::vector<float> values = counted(shape.count());
  const std::vector<float> folder = gathered(place, values);
  ASSERT_EQ(folder.size(), values.size());
  for (std::size_t c = 0; c < 131; ++c) {
    for (std::size_t r = 0; r < 231; ++r) ASSERT_EQ(folder[c * 231 + r], values[r * 131 + c]);
  }
  std::vector<float> back(values.size());
  scatter_from(place, folder, back);
  EXPECT_EQ(back, values);
}

TEST(HfPlace, PlainOrderIsTheParametersOwnInPartsOfAnyNumber) {
  const Shape shape{601, 977};  // several parts
  const std::vector<float> values = counted(shape.count());
  EXPECT_EQ(gathered(keep(0, shape, "w"), values), values);
  EXPECT_EQ(keep(0, shape, "w").shape, (std::vector<std::int64_t>{601, 977}));
  EXPECT_EQ(flatten(0, Shape{3, 5, 7}, "b").shape, (std::vector<std::int64_t>{105}));
  std::vector<float> back(values.size());
  scatter_from(flatten(0, shape, "w"), values, back);
  EXPECT_EQ(back, values);
}

TEST(HfPlace, RowsOfAFusedParameterStandApart) {
  const Shape shape{3, 2, 5, 9};
  const std::vector<float> values = counted(shape.count());
  std::vector<float> back(values.size());
  for (const Order order : {Order::plain, Order::transposed}) {
    std::fill(back.begin(), back.end(), -1.0F);
    for (std::int64_t part = 0; part < 3; ++part) {
      const Place place{
          .spec = 0, .name = "k", .shape = {10, 9}, .order = order, .first_row = part * 10, .rows = 10, .columns = 9};
      const std::vector<float> folder = gathered(place, values);
      EXPECT_EQ(folder[1], order == Order::plain ? part * 90 + 1 : part * 90 + 9);
      scatter_from(place, folder, back);
    }
    EXPECT_EQ(back, values);
  }
}

TEST(HfPlace, AFusedWeightIsThreeMatricesAndItsBiasThreeVectors) {
  const Shape weight{3, 2, 5, 9}, bias{3, 2, 5};
  const std::vector<float> values = counted(weight.count());
  const Place key = key_part(0, weight, "k");
  EXPECT_EQ(key.shape, (std::vector<std::int64_t>{10, 9}));
  EXPECT_EQ(gathered(key, values), std::vector<float>(values.begin() + 90, values.begin() + 180));
  const Place value = value_part(0, bias, "v");
  EXPECT_EQ(value.shape, (std::vector<std::int64_t>{10}));
  EXPECT_EQ(gathered(value, values), std::vector<float>(values.begin() + 20, values.begin() + 30));
  EXPECT_EQ(as_matrix(0, weight, "w").shape, (std::vector<std::int64_t>{30, 9}));
}

TEST(HfPlace, RowsOfNoParameterAreWrittenAsZerosAndNotRead) {
  Place place = keep(0, Shape{2, 3}, "p");
  place.zero_rows = 2;
  EXPECT_EQ(place.count(), 12);
  const std::vector<float> values = counted(6);
  EXPECT_EQ(gathered(place, values), (std::vector<float>{0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5}));
  std::vector<float> back(6);
  scatter_from(place, counted(12), back);
  EXPECT_EQ(back, (std::vector<float>{6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(gathered(zeros("z", 2, 2), {}), std::vector<float>(4));
}

}  // namespace
}  // namespace phalanx::hf
