#include "model/ops/gemm_peak.h"

#include <gtest/gtest.h>

#include "tests/support/exec.h"

namespace phalanx::ops {
namespace {

TEST(GemmPeak, IsARateThatAProcessorCanHave) {
  const phalanx::testing::CpuExec cpu(1);
  const double gflops = measure_gemm_peak(cpu.exec(), DType::f32);
  EXPECT_GT(gflops, 0.1);
  EXPECT_LT(gflops, 1e6);
}

}  // namespace
}  // namespace phalanx::ops
