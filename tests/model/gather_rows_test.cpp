#include "model/ops/gather_rows.h"

#include <gtest/gtest.h>

#include "tests/support/arrays.h"
#include "tests/support/exec.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr DType kTypes[] = {DType::f32, DType::bf16};

class GatherRowsOp : public EachCpuLevel {};

Array some_rows() { return array_of<std::int32_t>({6, 0, 3, -1, 3, 2}, {6}); }

TEST_P(GatherRowsOp, TakesTheNamedRows) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t C : {1, 31, 33, 96}) {
      Array x = normal_array({7, C}, dtype, 1);
      Array rows = some_rows();
      Array y({6, C}, dtype);
      y.fill(9.0);
      gather_rows(exec(), {y.tensor(), x.tensor(), rows.tensor()});
      for (std::int64_t i = 0; i < y.count(); ++i) {
        const auto row = static_cast<std::int64_t>(rows[i / C]);
        ASSERT_EQ(y[i], row < 0 ? 0.0 : x[row * C + i % C]) << "C " << C << " element " << i;
      }
    }
  }
}

TEST_P(GatherRowsOp, WithoutRowsTakesTheFirstOfEachPart) {
  Array x = normal_array({12, 5}, DType::f32, 1);
  Array y({3, 5});
  gather_rows(exec(), {y.tensor(), x.tensor(), {}});
  for (std::int64_t i = 0; i < y.count(); ++i) EXPECT_EQ(y[i], x[i / 5 * 4 * 5 + i % 5]);
}

TEST_P(GatherRowsOp, ScatteringIsItsTranspose) {  // <gather(x), dy> = <x, scatter(dy)>, exactly: whole numbers
  for (const DType dtype : kTypes) {
    for (const std::int64_t C : {1, 31, 33, 96}) {
      Array x({7, C}, dtype), dy({6, C}, dtype), y({6, C}, dtype), dx({7, C}, dtype);
      for (std::int64_t i = 0; i < x.count(); ++i) x.set(i, static_cast<double>(i * 7 % 11) - 5.0);
      for (std::int64_t i = 0; i < dy.count(); ++i) dy.set(i, static_cast<double>(i * 5 % 13) - 6.0);
      dx.fill(3.0);
      Array rows = some_rows();
      gather_rows(exec(), {y.tensor(), x.tensor(), rows.tensor()});
      scatter_rows(exec(), {dx.tensor(), dy.tensor(), rows.tensor(), Write::overwrite});
      double by_rows = 0.0, by_all = 0.0;
      for (std::int64_t i = 0; i < y.count(); ++i) by_rows += y[i] * dy[i];
      for (std::int64_t i = 0; i < x.count(); ++i) by_all += x[i] * dx[i];
      EXPECT_EQ(by_rows, by_all) << "C " << C;
      for (const std::int64_t row : {1, 4, 5}) EXPECT_EQ(dx[row * C], 0.0) << "nobody took row " << row;
    }
  }
}

TEST_P(GatherRowsOp, AccumulatingAddsToWhatIsThere) {
  Array dy = normal_array({3, 40}, DType::f32, 2);
  Array fresh({12, 40}), added({12, 40});
  added.fill(2.0);
  scatter_rows(exec(), {fresh.tensor(), dy.tensor(), {}, Write::overwrite});
  scatter_rows(exec(), {added.tensor(), dy.tensor(), {}, Write::accumulate});
  for (std::int64_t i = 0; i < fresh.count(); ++i) {
    EXPECT_EQ(added[i], static_cast<double>(static_cast<float>(fresh[i]) + 2.0F));
  }
}

TEST_P(GatherRowsOp, BitsDoNotDependOnThreads) {
  expect_same_bits_for_threads([&] {
    Array dy = normal_array({300, 100}, DType::f32, 2);
    Array rows({300}, DType::i32);
    for (std::int64_t r = 0; r < 300; ++r) rows.set(r, static_cast<double>(r * r % 17));
    Array dx({17, 100});
    scatter_rows(exec(), {dx.tensor(), dy.tensor(), rows.tensor(), Write::overwrite});
    return dx.bytes();
  });
}

PHALANX_EACH_TABLE(GatherRowsOp);

TEST(GatherRowsChecks, ARowOutsideIsRefused) {
  const CpuExec cpu;
  Array x({7, 4}), y({6, 4});
  Array rows = some_rows();
  rows.set(2, 7.0);
  EXPECT_THROW(gather_rows(cpu.exec(), {y.tensor(), x.tensor(), rows.tensor()}), Error);
  EXPECT_THROW(scatter_rows(cpu.exec(), {x.tensor(), y.tensor(), rows.tensor(), Write::overwrite}), Error);
}

TEST(GatherRowsChecks, MisuseThrows) {
  const CpuExec cpu;
  Array x({7, 4}), y({6, 4}), narrow({6, 3}), half({6, 4}, DType::bf16);
  Array rows = some_rows();
  EXPECT_THROW(gather_rows(cpu.exec(), {narrow.tensor(), x.tensor(), rows.tensor()}), Error);
  EXPECT_THROW(gather_rows(cpu.exec(), {half.tensor(), x.tensor(), rows.tensor()}), Error);
  EXPECT_THROW(gather_rows(cpu.exec(), {y.tensor(), x.tensor(), {}}), Error);  // 7 rows are not 6 parts
}

}  // namespace
}  // namespace phalanx::ops
