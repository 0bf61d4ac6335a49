// Half precision and the other element types of files, against closed forms.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "trainer/hf/elements.h"
#include "trainer/hf/float16.h"

namespace phalanx::hf {
namespace {

double value_by_definition(int bits) {
  const int exponent = (bits >> 10) & 0x1F;
  const int mantissa = bits & 0x3FF;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

TEST(Float16, EveryFiniteHalfHasItsValueAndComesBack) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7C00) == 0x7C00) continue;
    const float value = half_value(static_cast<std::uint16_t>(bits));
    ASSERT_EQ(static_cast<double>(value), value_by_definition(bits)) << bits;
    ASSERT_EQ(half_bits(value), bits);
  }
}

TEST(Float16, InfinitiesStayAndNanStaysNan) {
  EXPECT_EQ(half_value(0x7C00), std::numeric_limits<float>::infinity());
  EXPECT_EQ(half_bits(-std::numeric_limits<float>::infinity()), 0xFC00);
  EXPECT_TRUE(std::isnan(half_value(0x7E01)));
  EXPECT_TRUE(std::isnan(half_value(half_bits(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isnan(half_value(half_bits(std::bit_cast<float>(0x7F800001U)))));
}

// Between two neighbours: the nearer one, and on the middle the one whose last bit is 0.
TEST(Float16, RoundingIsToNearestEven) {
  for (int bits = 0; bits < 0x7BFF; ++bits) {
    const double low = value_by_definition(bits);
    const double high = value_by_definition(bits + 1);
    const auto middle = static_cast<float>((low + high) / 2);
    const int even = bits % 2 == 0 ? bits : bits + 1;
    ASSERT_EQ(half_bits(middle), even) << bits;
    ASSERT_EQ(half_bits(std::nextafter(middle, 0.0F)), bits);
    ASSERT_EQ(half_bits(std::nextafter(middle, 1e9F)), bits + 1);
    ASSERT_EQ(half_bits(-middle), even | 0x8000);
  }
}

TEST(Elements, EncodingThenDecodingRoundsAndCountsWhatOverflows) {
  const std::vector<float> values = {1.0F, -1.00390625F, 70000.0F, 3.4e38F, std::numeric_limits<float>::infinity(),
                                     0.1F};
  std::vector<std::byte> bytes(4 * values.size() + 1);
  for (const auto& [dtype, overflows] : {std::pair{DType::f32, 0}, {DType::bf16, 1}, {DType::f16, 2}}) {
    std::vector<float> rounded = values;
    round_values(rounded.data(), 6, dtype);
    std::vector<float> decoded(values.size());
    EXPECT_EQ(encode(values.data(), 6, dtype, bytes.data() + 1), overflows) << name_of(dtype);  // not aligned
    decode(bytes.data() + 1, 6, dtype, decoded.data());
    EXPECT_EQ(decoded, rounded);
    EXPECT_EQ(decoded[0], 1.0F);
    EXPECT_EQ(encode(decoded.data(), 6, dtype, bytes.data()), 0);
  }
  EXPECT_THROW(encode(values.data(), 6, DType::i32, bytes.data()), Error);
}

}  // namespace
}  // namespace phalanx::hf
