#include "model/ops/gemm_peak.h"

#include <gtest/gtest.h>

#include "tests/support/exec.h"

namespace phalanx::ops {
namespace {

TEST(GemmPeak, IsARateThatAProcessorCanHave) {
  const phalanx::testing::CpuExec cpu(1);
  const double flops_per_second = measure_gemm_peak(cpu.exec(), DType::f32);
  EXPECT_GT(flops_per_second, 1e8);
  EXPECT_LT(flops_per_second, 1e15);
}

}  // namespace
}  // namespace phalanx::ops
