// Digests of state, on every instruction set.
#include "model/ops/digest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "tests/support/arrays.h"
#include "tests/support/exec.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using phalanx::testing::Array;

class Digest : public phalanx::testing::EachCpuLevel {
 protected:
  std::uint64_t of(const Tensor& x, const DigestIndex& index = {}) {
    std::int64_t sum = 0;
    digest(exec(), host_tensor(&sum, {1}), x, index);
    return static_cast<std::uint64_t>(sum);
  }
};
PHALANX_EACH_TABLE(Digest);

TEST_P(Digest, PiecesAddUpToTheWhole) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    constexpr std::int64_t n = 5003;
    Array x = phalanx::testing::normal_array({n}, dtype, 3);
    const std::uint64_t whole = of(x.tensor(), {.offset = 77});
    for (const std::int64_t piece : {1, 64, 1000}) {
      std::uint64_t sum = 0;
      for (std::int64_t begin = 0; begin < n; begin += piece) {
        sum += of(x.tensor().slice(begin, std::min(piece, n - begin)), {.offset = 77 + begin});
      }
      EXPECT_EQ(sum, whole) << piece;
    }
  }
}

// (rows, 21) cut into three column shards of 7: piece by piece they add up to the digest of the whole.
TEST_P(Digest, ColumnsOfAMatrixAddUpToTheWhole) {
  constexpr std::int64_t rows = 301;
  const Array x = phalanx::testing::normal_array({rows * 21}, DType::f32, 3);
  Array whole = x;
  std::uint64_t sum = 0;
  for (std::int64_t s = 0; s < 3; ++s) {
    Array shard({rows * 7});
    for (std::int64_t i = 0; i < rows * 7; ++i) shard.set(i, x[i / 7 * 21 + s * 7 + i % 7]);
    for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 10}, {10, 1500}, {1500, rows * 7}}) {
      sum += of(shard.tensor().slice(begin, end - begin), {.begin = begin, .block = 7, .stride = 21, .offset = s * 7});
    }
  }
  EXPECT_EQ(sum, of(whole.tensor()));
}

// Longer than what a thread takes at a time; the digest is part of the checkpoint format, so its value may not change.
TEST_P(Digest, IsTheDocumentedSumForAnyNumberOfThreads) {
  constexpr std::int64_t n = 3 * 16384 + 5;
  const Array x = phalanx::testing::normal_array({n}, DType::f32, 3);
  Array copy = x;
  const DigestIndex index{.begin = 5, .block = 1000, .stride = 7000, .offset = 300};
  const auto* bits = reinterpret_cast<const std::uint32_t*>(copy.tensor().data);
  std::uint64_t want = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto k = static_cast<std::uint64_t>((5 + i) / 1000 * 7000 + 300 + (5 + i) % 1000);
    want += ((k * 0x9E3779B97F4A7C15 >> 32) | 1) * bits[i];
  }
  for (const int threads : {1, 3}) {
    const phalanx::testing::ThreadCount scoped(threads);
    EXPECT_EQ(of(copy.tensor(), index), want) << threads;
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
