// Digests of state, on every instruction set.
#include "model/ops/digest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "tests/support/arrays.h"
#include "tests/support/exec.h"

namespace phalanx::ops {
namespace {

using phalanx::testing::Array;

class Digest : public phalanx::testing::EachCpuLevel {
 protected:
  std::uint64_t of(const Tensor& x, std::int64_t first = 0) {
    std::int64_t sum = 0;
    digest(exec(), host_tensor(&sum, {1}), x, first);
    return static_cast<std::uint64_t>(sum);
  }
};
PHALANX_EACH_CPU_LEVEL(Digest);

TEST_P(Digest, PiecesAddUpToTheWhole) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    constexpr std::int64_t n = 5003;
    Array x = phalanx::testing::normal_array({n}, dtype, 3);
    const std::uint64_t whole = of(x.tensor(), 77);
    for (const std::int64_t piece : {1, 64, 1000}) {
      std::uint64_t sum = 0;
      for (std::int64_t begin = 0; begin < n; begin += piece) {
        sum += of(x.tensor().slice(begin, std::min(piece, n - begin)), 77 + begin);
      }
      EXPECT_EQ(sum, whole) << piece;
    }
  }
}

TEST_P(Digest, AnyFlippedBitChangesIt) {
  Array x = phalanx::testing::normal_array({200}, DType::f32, 3);
  const std::uint64_t before = of(x.tensor());
  auto* bits = reinterpret_cast<std::uint32_t*>(x.tensor().data);
  std::set<std::uint64_t> seen{before};
  for (std::size_t i = 0; i < 200; ++i) {
    for (int bit = 0; bit < 32; ++bit) {
      bits[i] ^= 1U << bit;
      EXPECT_TRUE(seen.insert(of(x.tensor())).second) << "element " << i << ", bit " << bit;
      bits[i] ^= 1U << bit;
    }
  }
  EXPECT_EQ(of(x.tensor()), before);
}

TEST_P(Digest, ElementsThatChangePlacesChangeIt) {
  Array x = phalanx::testing::normal_array({100}, DType::f32, 3);
  const std::uint64_t before = of(x.tensor());
  auto* values = x.tensor().as<float>();
  for (std::size_t i = 1; i < 100; ++i) {
    std::swap(values[0], values[i]);
    EXPECT_NE(of(x.tensor()), before) << i;
    std::swap(values[0], values[i]);
  }
}

}  // namespace
}  // namespace phalanx::ops
