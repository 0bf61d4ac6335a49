// The whole program on a GPU that is emulated (tests/support/cuda): its memory ends the program with SIGSEGV where host
// code follows a device pointer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "tests/support/endless_job.h"

namespace phalanx {
namespace {

using test::Outcome;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOnEmulatedGpu = "PHALANX_CUDA_MODULE=" PHALANX_EMULATED_CUDA " ";
constexpr const char* kWithoutGpu = "PHALANX_CUDA_MODULE=/nowhere/libphalanx_cuda.so ";

class CudaProgram : public test::EndlessJob {
 protected:
  // `phalanx <arguments>` in the job's folder, after `environment`, by some ranks.
  Outcome phalanx(const std::string& environment, int ranks, const std::string& arguments) {
    return test::run_in(folder_.path(),
                        environment + (ranks > 1 ? test::mpirun(ranks) : "") + PHALANX_BINARY + " " + arguments);
  }
  Outcome train(const std::string& environment, int ranks, const std::string& run, const std::string& options) {
    return phalanx(environment, ranks,
                   "train config.yaml --set training.steps=4 --set training.global_batch=4 --set checkpoint.every=2 "
                   "--set run.digest_every=1 --set model.dropout=0.1 --set run.output=" +
                       run + " " + options);
  }
  std::vector<double> losses(const std::string& run) {
    std::vector<double> found;
    std::istringstream lines(test::read_file(folder_ / run + "/metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const auto record = nlohmann::json::parse(line);
      if (record["event"] == "step") found.push_back(record["loss"]);
    }
    return found;
  }
  void expect_close_losses(const std::string& one, const std::string& other, double tolerance) {
    const std::vector<double> a = losses(one);
    const std::vector<double> b = losses(other);
    ASSERT_EQ(a.size(), 4U);
    ASSERT_EQ(b.size(), 4U);
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance * a[i]) << "step " << i + 1;
  }
};

TEST_F(CudaProgram, TrainsAsTheCpuDoes) {
  const Outcome cpu = train("", 1, "cpu", "--set run.device=cpu");
  ASSERT_EQ(cpu.status, 0) << cpu.err;
  const Outcome gpu = train(kOnEmulatedGpu, 1, "gpu", "--set run.device=cuda");
  ASSERT_EQ(gpu.status, 0) << gpu.err;
  EXPECT_THAT(gpu.err, HasSubstr("device cuda 0 (emulated GPU"));
  expect_close_losses("cpu", "gpu", 1e-5);
}

TEST_F(CudaProgram, TrainsInBf16AsTheCpuDoes) {
  const std::string bf16 = "--set training.precision=bf16 ";
  ASSERT_EQ(train("", 1, "cpu", bf16 + "--set run.device=cpu").status, 0);
  const Outcome gpu = train(kOnEmulatedGpu, 1, "gpu", bf16 + "--set run.device=cuda");
  ASSERT_EQ(gpu.status, 0) << gpu.err;
  expect_close_losses("cpu", "gpu", 4e-3);  // a unit in the last place of bf16
}

TEST_F(CudaProgram, RanksThatShareAGpuTrainAsOne) {
  const Outcome one = train(kOnEmulatedGpu, 1, "one", "--set run.device=cuda");
  ASSERT_EQ(one.status, 0) << one.err;
  const Outcome tensor = train(kOnEmulatedGpu, 2, "tensor", "--set run.device=cuda --set parallel.tensor=2");
  ASSERT_EQ(tensor.status, 0) << tensor.err;
  const Outcome data = train(kOnEmulatedGpu, 2, "data", "--set run.device=cuda");
  ASSERT_EQ(data.status, 0) << data.err;
  expect_close_losses("one", "tensor", 1e-5);
  expect_close_losses("one", "data", 1e-5);
}

TEST_F(CudaProgram, NcclAndStagingGiveTheSameBits) {
  const std::string grid = "--set run.device=cuda --set parallel.tensor=2 ";
  const Outcome nccl = train(kOnEmulatedGpu, 2, "nccl", grid + "--set parallel.comm=nccl");
  ASSERT_EQ(nccl.status, 0) << nccl.err;
  EXPECT_THAT(nccl.err, Not(HasSubstr("share a GPU")));
  const Outcome staged = train(kOnEmulatedGpu, 2, "staged", grid);
  ASSERT_EQ(staged.status, 0) << staged.err;
  EXPECT_THAT(staged.err, HasSubstr("ranks share a GPU, which NCCL refuses"));
  EXPECT_EQ(losses("nccl"), losses("staged"));
  EXPECT_EQ(losses("nccl").size(), 4U);
}

TEST_F(CudaProgram, RanksOnGpusOfTheirOwnTakeNcclWhoseErrorsEndTheJobWithAMessage) {
  const Outcome o = train(std::string("PHALANX_EMULATED_OWN_GPU=1 PHALANX_EMULATED_NCCL_ERROR=1 ") + kOnEmulatedGpu, 2,
                          "run", "--set run.device=cuda --set training.steps=1000000 --set checkpoint.every=0");
  EXPECT_NE(o.status, 0);
  EXPECT_THAT(o.err, HasSubstr("NCCL reports remote process exited"));
}

TEST_F(CudaProgram, IsTheSameAtAnyLayoutWhereAsked) {
  const std::string layout = "--set run.device=cuda --set run.reproducible=layout ";
  const Outcome one = train(kOnEmulatedGpu, 1, "one", layout);
  ASSERT_EQ(one.status, 0) << one.err;
  ASSERT_EQ(train(kOnEmulatedGpu, 2, "tensor", layout + "--set parallel.tensor=2").status, 0);
  ASSERT_EQ(train(kOnEmulatedGpu, 2, "data", layout + "--set parallel.comm=nccl").status, 0);
  EXPECT_EQ(losses("one"), losses("tensor"));
  EXPECT_EQ(losses("one"), losses("data"));
}

TEST_F(CudaProgram, ResumesGeneratesAndEvaluatesFromItsCheckpointsOnAnyDevice) {
  ASSERT_EQ(train(kOnEmulatedGpu, 1, "whole", "--set run.device=cuda").status, 0);
  ASSERT_EQ(test::run_in(folder_.path(), "cp -r whole part && rm -r part/checkpoints/step_00000004").status, 0);
  const Outcome resumed =
      train(kOnEmulatedGpu, 1, "part", "--set run.device=cuda --resume part/checkpoints/step_00000002");
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(losses("whole"), losses("part"));

  const std::string sample = "generate --checkpoint whole --prompt '1 2' --tokens 8 --temperature 0 ";
  const Outcome gpu = phalanx(kOnEmulatedGpu, 1, sample);
  ASSERT_EQ(gpu.status, 0) << gpu.err;
  const std::string loss = " config.yaml --checkpoint whole --set data.validation=data/train --json --set run.device=";
  const Outcome of_gpu = phalanx(kOnEmulatedGpu, 1, "evaluate" + loss + "cuda");
  const Outcome of_cpu = phalanx("", 1, "evaluate" + loss + "cpu");
  ASSERT_EQ(of_gpu.status, 0) << of_gpu.err;
  ASSERT_EQ(of_cpu.status, 0) << of_cpu.err;
  const double on_gpu = nlohmann::json::parse(of_gpu.out)["loss"];
  const double on_cpu = nlohmann::json::parse(of_cpu.out)["loss"];
  EXPECT_NEAR(on_gpu, on_cpu, 1e-5 * on_cpu);
}

TEST_F(CudaProgram, WithoutAGpuCudaIsRefusedAndAutoSaysThatItTakesTheCpu) {
  const Outcome refused = train(kWithoutGpu, 1, "run", "--set run.device=cuda");
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("run.device: cuda cannot be used: the CUDA module cannot be opened"),
                                 HasSubstr("auto and cpu work")));
  const Outcome chosen = train(kWithoutGpu, 1, "run", "--set run.device=auto");
  EXPECT_EQ(chosen.status, 0) << chosen.err;
  EXPECT_THAT(chosen.err, HasSubstr("device cpu (the CUDA module cannot be opened"));
}

TEST_F(CudaProgram, TheModuleOpensWhereThereIsNoDriver) {
#ifdef PHALANX_REAL_CUDA
  const Outcome o = train("PHALANX_CUDA_MODULE=" PHALANX_REAL_CUDA " ", 1, "run", "--set run.device=auto");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.err, AnyOf(HasSubstr("device cuda 0"), HasSubstr("device cpu (this machine has no NVIDIA driver")));
#else
  GTEST_SKIP() << "built without the CUDA toolkit";
#endif
}

TEST_F(CudaProgram, AJobThatDoesNotFitSaysByHowMuch) {
  const Outcome o = train(kOnEmulatedGpu, 1, "run",
                          "--set run.device=cuda --set model.hidden=16384 --set model.ffn=65536 --set model.heads=128");
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, AllOf(HasSubstr("this GPU has 4096.0 MiB left"), HasSubstr("training.micro_batch")));
}

}  // namespace
}  // namespace phalanx
