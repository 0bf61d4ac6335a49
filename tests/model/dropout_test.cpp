#include "model/ops/dropout.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "tests/support/arrays.h"
#include "tests/support/exec.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

class DropoutOp : public EachCpuLevel {};

Dropout dropout_of(float rate, Array& sequences) {
  return {rate, 0xFEDCBA9876543210ULL, Purpose::embedding_dropout, 513, sequences.tensor()};
}

// y for ones: 0 or 1 / (1 - rate).
Array mask_of(const Exec& exec, std::int64_t T, std::int64_t C, float rate, const std::vector<std::int64_t>& ordinals,
              DType dtype = DType::f32) {
  const auto B = static_cast<std::int64_t>(ordinals.size());
  Array sequences = array_of(ordinals, {B});
  Array x({B * T, C}, dtype);
  x.fill(1.0);
  Array y({B * T, C}, dtype);
  dropout_apply(exec, {y.tensor(), x.tensor(), dropout_of(rate, sequences)});
  return y;
}

TEST_P(DropoutOp, EveryElementFollowsItsOwnNumber) {
  constexpr float rate = 0.3F;
  for (const std::int64_t C : {1, 3, 5, 31, 33, 64, 515, 1030}) {
    const std::vector<std::int64_t> ordinals{5, (std::int64_t{1} << 40) - 1};
    const Array mask = mask_of(exec(), 3, C, rate, ordinals);
    for (std::int64_t i = 0; i < mask.count(); ++i) {
      const RandomKey key{0xFEDCBA9876543210ULL, Purpose::embedding_dropout, 513,
                          static_cast<std::uint64_t>(ordinals[static_cast<std::size_t>(i / (3 * C))])};
      const bool kept = random_u32(key, static_cast<std::uint64_t>(i % (3 * C))) >= dropout_threshold(rate);
      ASSERT_FLOAT_EQ(static_cast<float>(mask[i]), kept ? 1.0F / (1.0F - rate) : 0.0F) << "C " << C << " element " << i;
    }
  }
}

TEST_P(DropoutOp, DropsTheAskedShare) {
  constexpr std::int64_t count = 256 * 1024;
  for (const float rate : {0.0F, 0.1F, 0.5F, 0.9F}) {
    const Array mask = mask_of(exec(), 256, 1024, rate, {3});
    double dropped = 0.0;
    for (std::int64_t i = 0; i < count; ++i) dropped += mask[i] == 0.0 ? 1.0 : 0.0;
    // Five standard deviations of a binomial share.
    EXPECT_NEAR(dropped / count, rate, 5.0 * std::sqrt(rate * (1.0 - rate) / count));
  }
}

TEST_P(DropoutOp, MaskOfASequenceDoesNotDependOnItsBatch) {
  const Array alone = mask_of(exec(), 7, 33, 0.5F, {42});
  const Array together = mask_of(exec(), 7, 33, 0.5F, {41, 42, 43});
  for (std::int64_t i = 0; i < 7 * 33; ++i) ASSERT_EQ(alone[i], together[7 * 33 + i]);
}

TEST_P(DropoutOp, RateZeroCopiesAndInPlaceIsAllowed) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Array x = normal_array({6, 37}, dtype, 1);
    const Array before = x;
    Array y({6, 37}, dtype);
    dropout_apply(exec(), {y.tensor(), x.tensor(), {}});
    EXPECT_TRUE(y.bytes() == x.bytes());
    dropout_apply(exec(), {x.tensor(), x.tensor(), {}});
    EXPECT_TRUE(before.bytes() == x.bytes());
    Array sequences = array_of<std::int64_t>({1, 2}, {2});
    dropout_apply(exec(), {y.tensor(), x.tensor(), dropout_of(0.5F, sequences)});
    dropout_apply(exec(), {x.tensor(), x.tensor(), dropout_of(0.5F, sequences)});
    EXPECT_TRUE(y.bytes() == x.bytes());
  }
}

TEST_P(DropoutOp, BitsDoNotDependOnThreads) {
  expect_same_bits_for_threads([&] { return mask_of(exec(), 31, 65, 0.2F, {8, 9}, DType::bf16).bytes(); });
}

PHALANX_EACH_TABLE(DropoutOp);

TEST(DropoutChecks, MisuseThrows) {
  const CpuExec cpu;
  Array x({6, 8});
  Array y({6, 8});
  Array sequences = array_of<std::int64_t>({1, 2, 3, 4}, {4});
  EXPECT_THROW(dropout_apply(cpu.exec(), {y.tensor(), x.tensor(), dropout_of(0.5F, sequences)}), Error);  // 6 % 4
  EXPECT_THROW(dropout_apply(cpu.exec(), {y.tensor(), x.tensor(), dropout_of(-0.1F, sequences)}), Error);
  EXPECT_THROW(dropout_apply(cpu.exec(), {y.tensor(), x.tensor(), {0.5F, 1, Purpose::embedding_dropout, 3, {}}}),
               Error);
  Array narrow({6, 7});
  EXPECT_THROW(dropout_apply(cpu.exec(), {narrow.tensor(), x.tensor(), {}}), Error);
}

}  // namespace
}  // namespace phalanx::ops
