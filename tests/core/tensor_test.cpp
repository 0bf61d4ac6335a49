// Views, shapes, dtypes.
#include "core/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/param_spec.h"

namespace phalanx {
namespace {

TEST(Tensor, SlicesAndRowsPointIntoTheWhole) {
  std::vector<float> values(24);
  const Tensor whole = host_tensor(values.data(), {4, 3, 2});
  EXPECT_EQ(whole.slice(1, 2).as<float>(), values.data() + 6);
  EXPECT_EQ(whole.slice(1, 2).shape, (Shape{2, 3, 2}));
  EXPECT_EQ(whole[3].as<float>(), values.data() + 18);
  EXPECT_EQ(whole[3].shape, (Shape{3, 2}));
  EXPECT_EQ(whole.flat().shape, Shape{24});
}

TEST(Tensor, MisuseThrowsWithTheShapes) {
  std::vector<float> values(6);
  const Tensor t = host_tensor(values.data(), {2, 3});
  EXPECT_THROW((void)t.view({7}), Error);
  EXPECT_THROW((void)t.slice(1, 2), Error);
  EXPECT_THROW((void)t.as<bf16>(), Error);
  EXPECT_EQ(to_string(t.shape), "(2, 3)");
}

TEST(Tensor, UndefinedTensorKeepsNoAddressWhenSliced) {
  Tensor none;
  none.shape = {4};
  EXPECT_FALSE(none.slice(1, 2).defined());
}

TEST(DType, Bf16RoundsToNearestEvenAndKeepsSpecials) {
  EXPECT_EQ(bf16(1.0F).bits, 0x3F80);
  EXPECT_EQ(static_cast<float>(bf16(1.0F + 0x1.0p-8F)), 1.0F);              // a tie goes to the even neighbour
  EXPECT_EQ(static_cast<float>(bf16(1.0F + 0x3.0p-8F)), 1.0F + 0x1.0p-6F);  // here that is the upper one
  EXPECT_EQ(static_cast<float>(bf16(1.0F + 0x1.01p-8F)), 1.0F + 0x1.0p-7F);
  EXPECT_TRUE(std::isnan(static_cast<float>(bf16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isinf(static_cast<float>(bf16(std::numeric_limits<float>::max()))));
}

TEST(DType, NamesReadBack) {
  for (const DType d : {DType::f32, DType::bf16, DType::f16, DType::f64, DType::i32, DType::i64, DType::u8}) {
    EXPECT_EQ(dtype_from_name(name_of(d)), d);
  }
  EXPECT_THROW(dtype_from_name("float"), UsageError);
}

TEST(ParamSpec, ShardsCutTheRightDim) {
  EXPECT_EQ(shard_shape({.name = "a", .shape = {3, 8, 4, 32}, .split = Split::heads}, 4), (Shape{3, 2, 4, 32}));
  EXPECT_EQ(shard_shape({.name = "a", .shape = {64, 32}, .split = Split::rows}, 4), (Shape{16, 32}));
  EXPECT_EQ(shard_shape({.name = "a", .shape = {32, 64}, .split = Split::columns}, 4), (Shape{32, 16}));
  EXPECT_EQ(shard_shape({.name = "a", .shape = {64, 32}}, 4), (Shape{64, 32}));
  const ParamSpec vocabulary{.name = "v", .shape = {50257, 8}, .split = Split::rows, .vocabulary = true};
  EXPECT_EQ(shard_shape(vocabulary, 4), (Shape{12672, 8}));
  EXPECT_THROW(shard_shape({.name = "a", .shape = {63, 32}, .split = Split::rows}, 4), Error);
}

}  // namespace
}  // namespace phalanx
