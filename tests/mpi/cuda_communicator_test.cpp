// The communicator suite over NCCL's communicator and staged through host memory, on emulated GPUs: NCCL's calls are
// MPI's there (tests/support/cuda). Where PHALANX_CUDA_MODULE names another module, it is tested instead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <mutex>
#include <thread>

#include "core/clock.h"
#include "core/cuda_module.h"
#include "parallel/comm_nccl.h"
#include "parallel/comm_staged.h"
#include "tests/support/communicator_suite.h"
#include "tests/support/mpi_main.h"

namespace phalanx {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr Device kGpu{DeviceType::cuda, 0};
constexpr std::int64_t kStaging = std::int64_t{64} << 20;

const CudaModule& module() {
  setenv("PHALANX_CUDA_MODULE", PHALANX_EMULATED_CUDA, 0);
  return cuda_module();
}

std::unique_ptr<Communicator> host() {
  return std::move(test_runtime().split(Grid{test_runtime().world_size(), 1}).data);
}

std::unique_ptr<Communicator> over_nccl(NcclOptions options) { return module().make_nccl(host(), std::move(options)); }

NcclOptions with_staging(std::int64_t bytes) {
  NcclOptions options;
  options.staging_bytes = bytes;
  return options;
}

struct Way {
  const char* name;
  std::int64_t staging;  // 0: not over NCCL
};
const Way kWays[] = {{"Nccl", kStaging}, {"NcclInTinyChunks", 8000}, {"Staged", 0}};

class CommunicatorCuda : public testing::TestWithParam<Way> {
 protected:
  CommunicatorCuda() {
    module();
    comm_ = GetParam().staging == 0 ? make_staged_communicator(host()) : over_nccl(with_staging(GetParam().staging));
  }
  [[nodiscard]] suite::Subject subject() const { return {*comm_, kGpu, Stream{}}; }

 private:
  std::unique_ptr<Communicator> comm_;
};

TEST_P(CommunicatorCuda, SumsExactly) { suite::sums_exactly(subject()); }
TEST_P(CommunicatorCuda, FindsMaximaAndMinima) { suite::finds_maxima_and_minima(subject()); }
TEST_P(CommunicatorCuda, MovesEveryElement) { suite::moves_every_element(subject()); }
TEST_P(CommunicatorCuda, WorksInPlace) { suite::works_in_place(subject()); }
TEST_P(CommunicatorCuda, SumsInRankOrderWithOneRounding) { suite::sums_in_rank_order(subject()); }
TEST_P(CommunicatorCuda, SumsAlongTheTree) { suite::sums_along_the_tree(subject()); }
TEST_P(CommunicatorCuda, RepeatsTheSameBits) { suite::repeats_the_same_bits(subject()); }
TEST_P(CommunicatorCuda, KeepsCallsApart) { suite::keeps_calls_apart(subject()); }
TEST_P(CommunicatorCuda, RefusesWrongArguments) { suite::refuses_wrong_arguments(subject()); }
TEST_P(CommunicatorCuda, CountsItsUsage) { suite::counts_its_usage(subject()); }

INSTANTIATE_TEST_SUITE_P(Ways, CommunicatorCuda, testing::ValuesIn(kWays),
                         [](const testing::TestParamInfo<Way>& info) { return std::string(info.param.name); });

TEST(NcclCommunicator, SumsAsNcclDoesWhereOrderIsFree) {
  NcclOptions options = with_staging(kStaging);
  options.rank_order = false;
  const auto comm = over_nccl(options);
  suite::sums_exactly({*comm, kGpu, Stream{}});
  suite::works_in_place({*comm, kGpu, Stream{}});
}

TEST(NcclCommunicator, WorksOnHostMemoryToo) {
  const auto comm = over_nccl(with_staging(kStaging));
  suite::sums_in_rank_order({*comm, Device{}, Stream{}});
}

// What the communicator tells of a failure.
struct Failure {
  std::mutex mutex;
  std::string text;
  [[nodiscard]] std::string wait() {
    for (const auto start = Clock::now(); seconds_since(start) < 20;) {
      {
        const std::lock_guard lock(mutex);
        if (!text.empty()) return text;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return "nothing was told";
  }
};

// A communicator whose emulated library does as `variable` says: what it tells, and that the next call throws.
void expect_failure(const char* variable, double timeout, const testing::Matcher<std::string>& told) {
  Failure failure;
  NcclOptions options = with_staging(kStaging);
  options.timeout = timeout;
  options.on_failure = [&](const std::string& what) {
    const std::lock_guard lock(failure.mutex);
    failure.text = what;
  };
  const auto comm = over_nccl(options);
  test_runtime().world().barrier();
  std::byte* memory = allocate(kGpu, 64, 256, "test buffer");
  const Tensor buffer{memory, {16}, DType::f32, kGpu};
  comm->all_reduce(buffer, Reduce::sum, {});
  setenv(variable, "1", 1);
  EXPECT_THAT(failure.wait(), told);
  unsetenv(variable);
  EXPECT_THROW(comm->all_reduce(buffer, Reduce::sum, {}), Error);
  deallocate(kGpu, memory, 64);
  test_runtime().world().barrier();
}

TEST(NcclCommunicator, AnErrorThatNobodyWaitsForIsTold) {
  expect_failure("PHALANX_EMULATED_NCCL_ERROR", 0,
                 AllOf(HasSubstr("the data communicator, rank "), HasSubstr("NCCL reports remote process exited")));
}

TEST(NcclCommunicator, AnOperationThatDoesNotEndIsToldByNameAndNumber) {
  setenv("PHALANX_EMULATED_EVENTS_HANG", "1", 1);
  expect_failure("PHALANX_EMULATED_EVENTS_HANG", 0.2,
                 AllOf(HasSubstr("all_reduce 1 of the data communicator, rank "), HasSubstr("has not ended after")));
}

}  // namespace
}  // namespace phalanx
