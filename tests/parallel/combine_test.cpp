// The local half of sums over ranks, against plain loops, for every tail length and number of parts.
#include "parallel/combine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/bits.h"

namespace phalanx {
namespace {

// Values whose sums depend on their order; integers that wrap around.
template <class T>
T value(int part, std::int64_t i) {
  const double x =
      std::sin(static_cast<double>(part * 977 + i * 31)) * std::ldexp(1.0, static_cast<int>(i * 5 + part * 3) % 14);
  if constexpr (std::is_same_v<T, bf16>) {
    return bf16(static_cast<float>(x));
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<std::uint64_t>(part + 3) * 0x9E3779B97F4A7C15ULL *
                          static_cast<std::uint64_t>(i + 1));
  } else {
    return static_cast<T>(x);
  }
}

template <class T>
auto wide(T x) {
  if constexpr (std::is_same_v<T, bf16>) {
    return static_cast<float>(x);
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<std::make_unsigned_t<T>>(x);
  } else {
    return x;
  }
}

template <class T>
using Wide = decltype(wide(T{}));

template <class T>
T in_order(int parts, std::int64_t i) {
  Wide<T> sum = wide(value<T>(0, i));
  for (int p = 1; p < parts; ++p) sum = static_cast<Wide<T>>(sum + wide(value<T>(p, i)));
  return T(sum);
}

template <class T>
T tree(int begin, int n, std::int64_t i) {
  if (n == 1) return value<T>(begin, i);
  return T(static_cast<Wide<T>>(wide(tree<T>(begin, n / 2, i)) + wide(tree<T>(begin + n / 2, n - n / 2, i))));
}

template <class T>
T greatest(int parts, std::int64_t i) {
  T best = value<T>(0, i);
  for (int p = 1; p < parts; ++p) {
    const T x = value<T>(p, i);
    if constexpr (std::is_same_v<T, bf16>) {
      if (static_cast<float>(x) > static_cast<float>(best)) best = x;
    } else {
      if (x > best) best = x;
    }
  }
  return best;
}

template <class T>
class CombineTest : public ::testing::Test {
 protected:
  // Runs one combination into the place of part `alias` (-1: apart) and compares it with `expected`, bit for bit.
  template <class F>
  void check(Combine how, int parts, std::int64_t count, int alias, F&& expected) {
    std::vector<std::vector<T>> data;
    for (int p = 0; p < parts; ++p) {
      std::vector<T> part;
      for (std::int64_t i = 0; i < count; ++i) part.push_back(value<T>(p, i));
      part.push_back(value<T>(99, 1));  // a guard: the element behind the last
      data.push_back(part);
    }
    std::vector<T> apart(static_cast<std::size_t>(count) + 1, value<T>(99, 1));
    std::vector<T>& out = alias < 0 ? apart : data[static_cast<std::size_t>(alias)];
    std::vector<const std::byte*> pointers;
    pointers.reserve(data.size());
    for (const auto& part : data) pointers.push_back(reinterpret_cast<const std::byte*>(part.data()));
    combine(how, dtype_of<T>, reinterpret_cast<std::byte*>(out.data()), pointers, count);
    for (std::int64_t i = 0; i < count; ++i) {
      const T wanted = expected(i);
      ASSERT_EQ(testing::bits_of(out[static_cast<std::size_t>(i)]), testing::bits_of(wanted))
          << "element " << i << " of " << count << ", " << parts << " parts, into " << alias;
    }
    ASSERT_EQ(testing::bits_of(out.back()), testing::bits_of(value<T>(99, 1)));
  }
};

using Types = ::testing::Types<float, bf16, double, std::int32_t, std::int64_t, std::uint8_t>;
TYPED_TEST_SUITE(CombineTest, Types);

TYPED_TEST(CombineTest, SumsInOrder) {
  for (const int parts : {1, 2, 3, 4, 5, 8, 17}) {
    for (const std::int64_t count : {0, 1, 15, 16, 17, 257, 1000}) {
      for (const int alias : {-1, 0, parts - 1}) {
        this->check(Combine::sum, parts, count, alias, [&](std::int64_t i) { return in_order<TypeParam>(parts, i); });
      }
    }
  }
}

TYPED_TEST(CombineTest, SumsAlongTheTreeOfAnyNumberOfParts) {
  for (int parts = 1; parts <= 19; ++parts) {
    for (const std::int64_t count : {1, 16, 530}) {
      for (const int alias : {-1, 0, parts - 1}) {
        this->check(Combine::tree, parts, count, alias, [&](std::int64_t i) { return tree<TypeParam>(0, parts, i); });
      }
    }
  }
}

TYPED_TEST(CombineTest, FindsTheGreatest) {
  for (const int parts : {2, 3, 9}) {
    this->check(Combine::max, parts, 333, -1, [&](std::int64_t i) { return greatest<TypeParam>(parts, i); });
  }
}

TEST(Combine, BfloatSumsAreRoundedOnceAtTheEnd) {
  // 1 + 2^-8 + 2^-8 is 1 when rounded after each addition (ties to even) and 1 + 2^-7 when rounded once.
  std::vector<bf16> one(20, bf16(1.0F)), small(20, bf16(0x1p-8F)), out(20);
  const std::byte* parts[] = {reinterpret_cast<std::byte*>(one.data()), reinterpret_cast<std::byte*>(small.data()),
                              reinterpret_cast<std::byte*>(small.data())};
  combine(Combine::sum, DType::bf16, reinterpret_cast<std::byte*>(out.data()), parts, 20);
  for (const bf16 x : out) EXPECT_EQ(static_cast<float>(x), 1.0F + 0x1p-7F);
}

TEST(Combine, NotANumberAndInfinityStayWhatTheyAre) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Combine how : {Combine::sum, Combine::tree, Combine::max, Combine::min}) {
    for (const bool first : {true, false}) {
      std::vector<bf16> a(33, bf16(first ? nan : 1.0F)), b(33, bf16(first ? 1.0F : nan));
      const std::byte* parts[] = {reinterpret_cast<std::byte*>(a.data()), reinterpret_cast<std::byte*>(b.data())};
      combine(how, DType::bf16, reinterpret_cast<std::byte*>(a.data()), parts, 33);
      for (const bf16 x : a) EXPECT_TRUE(std::isnan(static_cast<float>(x)));
    }
  }
  // A NaN whose payload would be rounded away, and numbers that round up to infinity.
  std::vector<float> a(3, std::bit_cast<float>(0x7F800001U)), zero(3, 0.0F);
  std::vector<bf16> huge(20, bf16(3.3895314e38F));
  const std::byte* parts[] = {reinterpret_cast<std::byte*>(huge.data()), reinterpret_cast<std::byte*>(huge.data())};
  combine(Combine::sum, DType::bf16, reinterpret_cast<std::byte*>(huge.data()), parts, 20);
  for (const bf16 x : huge) EXPECT_EQ(static_cast<float>(x), infinity);
  const std::byte* signalling[] = {reinterpret_cast<std::byte*>(a.data()), reinterpret_cast<std::byte*>(zero.data())};
  combine(Combine::sum, DType::f32, reinterpret_cast<std::byte*>(a.data()), signalling, 3);
  for (const float x : a) EXPECT_TRUE(std::isnan(x));
}

// The number behind 16 bits of half precision, by definition.
double half_value(std::uint16_t h) {
  const int exponent = (h >> 10) & 31;
  const int fraction = h & 1023;
  const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (h & 0x8000) != 0 ? -magnitude : magnitude;
}

// The nearest half, ties to even; positive halves grow with their bits, and 0x7C00 stands where 65536 would.
std::uint16_t nearest_half(float x) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(x) ? 0x8000 : 0);
  const double magnitude = std::fabs(x);
  std::uint16_t low = 0, high = 0x7C00;
  if (magnitude >= half_value(high)) return sign | high;
  while (high - low > 1) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (half_value(middle) <= magnitude ? low : high) = middle;
  }
  const double below = magnitude - half_value(low), above = half_value(high) - magnitude;
  const bool up = above < below || (above == below && low % 2 == 1);
  return sign | (up ? high : low);
}

TEST(Combine, EveryHalfSurvivesTheAdditionOfZero) {
  std::vector<std::uint16_t> all(65536), zero(65536, 0);
  for (std::size_t h = 0; h < all.size(); ++h) all[h] = static_cast<std::uint16_t>(h);
  const std::byte* parts[] = {reinterpret_cast<std::byte*>(all.data()), reinterpret_cast<std::byte*>(zero.data())};
  combine(Combine::sum, DType::f16, reinterpret_cast<std::byte*>(all.data()), parts, 65536);
  for (std::size_t h = 0; h < all.size(); ++h) {
    const bool nan = (h & 0x7FFF) > 0x7C00;
    if (nan) {
      ASSERT_GT(all[h] & 0x7FFF, 0x7C00) << h;
    } else {
      ASSERT_EQ(all[h], h == 0x8000 ? 0 : h);  // -0 + 0 is 0
    }
  }
}

TEST(Combine, SumsOfHalvesAreTheNearestHalves) {
  const std::int64_t n = 200001;
  std::vector<std::uint16_t> a, b, out(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const auto bits = static_cast<std::uint64_t>(i + 1) * 0x9E3779B97F4A7C15ULL;
    const auto finite = [](std::uint64_t x) {
      return static_cast<std::uint16_t>(x % 0x7C00 + ((x >> 20) & 1) * 0x8000);
    };
    a.push_back(finite(bits >> 40));
    // Every other one of similar size, so that cancellation, ties and numbers below 2^-14 occur.
    b.push_back(i % 2 == 0 ? finite(bits >> 17)
                           : static_cast<std::uint16_t>(finite((bits >> 40) + bits % 64) ^ 0x8000));
  }
  const std::byte* parts[] = {reinterpret_cast<std::byte*>(a.data()), reinterpret_cast<std::byte*>(b.data())};
  combine(Combine::sum, DType::f16, reinterpret_cast<std::byte*>(out.data()), parts, n);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float sum = static_cast<float>(half_value(a[i])) + static_cast<float>(half_value(b[i]));
    ASSERT_EQ(out[i], nearest_half(sum)) << half_value(a[i]) << " + " << half_value(b[i]);
  }
}

TEST(Combine, WithoutPartsThereIsNoSum) {
  float x = 0;
  EXPECT_THROW(combine(Combine::sum, DType::f32, reinterpret_cast<std::byte*>(&x), {}, 1), Error);
}

}  // namespace
}  // namespace phalanx
