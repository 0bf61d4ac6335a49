// Which attention cuDNN has for which GPU, and how much workspace it takes: what choose_attention and the memory plan
// rely on. No GPU is needed: the device is described.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/ops/attention_choice.h"
#include "model/ops/cudnn/attention_graph.h"
#include "model/ops/cudnn/plan.h"
#include "model/ops/fused_scratch.h"

namespace phalanx::ops::cudnn {
namespace {

// What differs between an A100 and an H200, as far as cuDNN looks at it.
std::string description_of(int capability) {
  const bool hopper = capability == 90;
  return str(R"({"cudaDeviceId":0,"driverVer":13000,"maxGridSize":[2147483647,65535,65535],)"
             R"("maxBlockSize":[1024,1024,64],"regsPerBlock":65536,"warpSize":32,"maxSharedMemoryPerBlock":49152,)"
             R"("reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,"maxCtasPerSM":32,)"
             R"("maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,)"
             R"("supportCoopLaunch":1,"memClockRateKHz":1593000,)",
             R"("deviceVer":)", capability * 10, R"(,"totalGlobalMem":)", hopper ? "150000000000" : "85000000000",
             R"(,"multiProcessorCount":)", hopper ? 132 : 108, R"(,"maxSharedMemoryPerBlockOptin":)",
             hopper ? 232448 : 166912, R"(,"smClockRateKHz":)", hopper ? 1980000 : 1410000, R"(,"l2CacheSize":)",
             hopper ? 62914560 : 41943040, R"(,"deviceName":")", hopper ? "NVIDIA H200" : "NVIDIA A100-SXM4-80GB",
             "\"}");
}

class AttentionPlans : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { dlopen(PHALANX_FAKE_DRIVER, RTLD_NOW | RTLD_GLOBAL); }
  void SetUp() override {
    if (!library().why_not.empty()) GTEST_SKIP() << "no cuDNN: " << library().why_not;
  }
};

struct Kind {
  bool causal;
  std::int64_t window;
  bool packed;  // documents by their lengths: padding is a document of its own
};
constexpr Kind kKinds[] = {{true, 0, false}, {false, 0, false}, {true, 128, false}, {false, 64, false},
                           {false, 0, true}, {true, 0, true},   {true, 128, true},  {false, 64, true}};

AttentionKey key_of(const Kind& kind, std::int64_t HS, DType dtype, bool backward, bool deterministic) {
  return {.backward = backward,
          .deterministic = deterministic,
          .B = 4,
          .T = 1000,
          .NH = 12,
          .HS = HS,
          .dtype = dtype,
          .causal = kind.causal,
          .window = kind.window,
          .packed = kind.packed};
}

bool expected(const AttentionKey& key, int capability) {
  return choose_attention({.backward = key.backward,
                           .deterministic = key.deterministic,
                           .dtype = key.dtype,
                           .HS = key.HS,
                           .documents = key.packed ? DocumentKind::packed : DocumentKind::whole,
                           .capability = capability})
      .fused;
}

// A test for each GPU and direction, so that a change of the library says at once what changed.
void expect_as_chosen(int capability, bool backward, bool deterministic) {
  const Target target = described_target(description_of(capability));
  for (const Kind& kind : kKinds) {
    for (const std::int64_t HS : {64, 128}) {
      for (const DType dtype : {DType::bf16, DType::f16}) {
        const AttentionKey key = key_of(kind, HS, dtype, backward, deterministic);
        EXPECT_EQ(engines_for(target, attention_graph(key)) > 0, expected(key, capability))
            << "compute capability " << capability << ", " << describe(key);
      }
    }
  }
}

TEST_F(AttentionPlans, ForwardIsSupportedAsChosenOnAmpere) { expect_as_chosen(80, false, true); }
TEST_F(AttentionPlans, ForwardIsSupportedAsChosenOnHopper) { expect_as_chosen(90, false, true); }
TEST_F(AttentionPlans, DeterministicBackwardIsSupportedAsChosenOnAmpere) { expect_as_chosen(80, true, true); }
TEST_F(AttentionPlans, DeterministicBackwardIsSupportedAsChosenOnHopper) { expect_as_chosen(90, true, true); }
TEST_F(AttentionPlans, BackwardInAnyOrderIsSupportedAsChosenOnAmpere) { expect_as_chosen(80, true, false); }
TEST_F(AttentionPlans, BackwardInAnyOrderIsSupportedAsChosenOnHopper) { expect_as_chosen(90, true, false); }

// Compiled for real, as far as the code for the GPU; half a second each.
TEST_F(AttentionPlans, WorkspaceIsAtMostWhatIsPlanned) {
  for (const int capability : {80, 90}) {
    const Target target = described_target(description_of(capability));
    for (const Kind& kind : {Kind{true, 0, false}, Kind{false, 0, true}}) {
      for (const bool deterministic : {true, false}) {
        const AttentionKey key = key_of(kind, 64, DType::bf16, true, deterministic);
        if (!expected(key, capability)) continue;
        const Plan plan(target, attention_graph(key), describe(key));
        EXPECT_GT(plan.workspace_bytes(), 0);
        EXPECT_LE(plan.workspace_bytes(), fused_plan_bytes(key)) << capability << ", " << describe(key);
      }
    }
  }
}

TEST_F(AttentionPlans, HeadsOfOddSizesAreNotSupported) {
  const Target target = described_target(description_of(90));
  const AttentionKey key = key_of(kKinds[0], 68, DType::bf16, false, true);
  EXPECT_FALSE(expected(key, 90));
  EXPECT_EQ(engines_for(target, attention_graph(key)), 0);
}

}  // namespace
}  // namespace phalanx::ops::cudnn
