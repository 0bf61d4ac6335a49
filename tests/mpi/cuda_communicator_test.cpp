// The communicator suite over NCCL's communicator and staged through host memory, on emulated GPUs: NCCL's calls are
// MPI's there (tests/support/cuda). Where PHALANX_CUDA_MODULE names another module, it is tested instead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <mutex>
#include <thread>

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
constexpr std::int64_t kStaging = std::int64_t{1} << 20;

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

// Zeros on the GPU.
class GpuFloats {
 public:
  explicit GpuFloats(std::int64_t count)
      : memory_(allocate(kGpu, 4 * count, 256, "test buffer")), tensor_{memory_, {count}, DType::f32, kGpu} {}
  ~GpuFloats() { deallocate(kGpu, memory_, tensor_.bytes()); }
  GpuFloats(const GpuFloats&) = delete;
  GpuFloats& operator=(const GpuFloats&) = delete;
  [[nodiscard]] const Tensor& tensor() const { return tensor_; }

 private:
  std::byte* memory_;
  Tensor tensor_;
};

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
  [[nodiscard]] Communicator& comm() const { return *comm_; }

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

TEST_P(CommunicatorCuda, RefusesAWrongSizeByNameAndBeginsNothing) {
  const GpuFloats in(16);
  const GpuFloats out(15 * comm().size());
  const std::int64_t begun = comm().activity().calls;
  try {
    comm().all_gather(out.tensor(), in.tensor(), {});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr(str("all_gather on the data communicator of ", comm().size(), " ranks")),
                                    HasSubstr("out must hold one in per rank")));
  }
  EXPECT_EQ(comm().activity().calls, begun);
}

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
class Failure {
 public:
  [[nodiscard]] NcclOptions options(double timeout) {
    NcclOptions options = with_staging(kStaging);
    options.timeout = timeout;
    options.on_failure = [this](const std::string& what) {
      const std::lock_guard lock(mutex_);
      text_ = what;
    };
    return options;
  }
  [[nodiscard]] std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  // Waits in small pieces: the whole job may be stopped for a while.
  [[nodiscard]] std::string wait() {
    for (int i = 0; i < 2000 && text().empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return text();
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

// A communicator whose emulated library does as `variable` says: what it tells, and that the next call throws.
void expect_failure(const char* variable, double timeout, const testing::Matcher<std::string>& told) {
  Failure failure;
  const auto comm = over_nccl(failure.options(timeout));
  test_runtime().world().barrier();
  const GpuFloats buffer(16);
  comm->all_reduce(buffer.tensor(), Reduce::sum, {});
  setenv(variable, "1", 1);
  EXPECT_THAT(failure.wait(), told);
  unsetenv(variable);
  EXPECT_THROW(comm->all_reduce(buffer.tensor(), Reduce::sum, {}), Error);
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

// The last rank does not come to the second operation, so the others wait inside one of NCCL's calls.
TEST(NcclCommunicator, ARankThatNeverArrivesIsToldByTheOthersWithinTheTimeout) {
  constexpr double kTimeout = 2;  // seconds; the first operation takes milliseconds
  Failure failure;
  const auto comm = over_nccl(failure.options(kTimeout));
  const GpuFloats buffer(16);
  const GpuFloats out(16 * comm->size());
  comm->all_gather(out.tensor(), buffer.tensor(), {});
  const auto told = AllOf(HasSubstr(str("all_reduce 2 of the data communicator, rank ", comm->rank(), " of ",
                                        comm->size(), " has not ended")),
                          HasSubstr("another rank is not there"));
  if (comm->rank() + 1 < comm->size()) {
    try {
      comm->all_reduce(buffer.tensor(), Reduce::sum, {});
      ADD_FAILURE() << "the call came back";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), told);
    }
    EXPECT_THAT(failure.text(), told);
  }
  test_runtime().world().barrier();
}

}  // namespace
}  // namespace phalanx
