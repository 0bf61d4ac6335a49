// GoogleTest under mpirun. Rank 0 prints the results, every rank prints its own failures, and the exit status is the
// same on all: not 0 when any rank failed. A fatal failure or an exception on one rank may leave the others in a
// collective, so it ends the job; so does a test that hangs. A test never skips: when MPI does not start or does not
// see all ranks, the program fails.
#include "tests/support/mpi_main.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "core/log.h"

namespace phalanx {
namespace {

constexpr useconds_t kMicrosecondsToPrint = 300'000;  // for the failures of the other ranks, before the job ends

// The environment variable PHALANX_SECONDS_PER_TEST is for tests labelled slow.
unsigned seconds_per_test() {
  const char* asked = std::getenv("PHALANX_SECONDS_PER_TEST");
  return asked == nullptr ? 200U : static_cast<unsigned>(std::strtoul(asked, nullptr, 10));
}

Runtime* the_runtime = nullptr;
std::array<char, 256> current_test{};  // read by the signal handler

void on_alarm(int /*signal*/) {
  const char text[] = " hangs\n";
  [[maybe_unused]] auto written = write(STDERR_FILENO, current_test.data(), std::strlen(current_test.data()));
  written = write(STDERR_FILENO, text, sizeof text - 1);
  _exit(1);  // mpirun then ends the other ranks
}

class RankListener : public testing::EmptyTestEventListener {
 public:
  explicit RankListener(Runtime& runtime) : runtime_(runtime) {}

  void OnTestStart(const testing::TestInfo& test) override {
    const std::string name = std::string(test.test_suite_name()) + "." + test.name();
    std::strncpy(current_test.data(), name.c_str(), current_test.size() - 1);
    alarm(seconds_per_test());
  }
  void OnTestEnd(const testing::TestInfo& /*test*/) override { alarm(0); }
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    if (runtime_.world_rank() != 0) {  // rank 0 has the usual printer
      log::error(current_test.data(), " ", result.file_name() == nullptr ? "" : result.file_name(), ":",
                 result.line_number(), "\n", result.summary());
    }
    if (result.fatally_failed() && runtime_.world_size() > 1) {
      std::cout.flush();
      usleep(kMicrosecondsToPrint);
      runtime_.abort(1);
    }
  }

 private:
  Runtime& runtime_;
};

// How many ranks the launcher says there are; 1 without a launcher.
int expected_ranks() {
  for (const char* name : {"PHALANX_TEST_RANKS", "OMPI_COMM_WORLD_SIZE"}) {
    if (const char* text = std::getenv(name)) return std::atoi(text);
  }
  return 1;
}

int run_tests(Runtime& runtime) {
  if (runtime.world_size() != expected_ranks()) {
    log::error("MPI sees ", runtime.world_size(), " ranks, ", expected_ranks(), " were started");
    return 1;
  }
  if (GTEST_FLAG_GET(shuffle) && GTEST_FLAG_GET(random_seed) == 0) GTEST_FLAG_SET(random_seed, 1);  // one order for all
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  if (runtime.world_rank() != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new RankListener(runtime));  // GoogleTest owns it
  std::int32_t failed = RUN_ALL_TESTS() != 0 ? 1 : 0;
  if (testing::UnitTest::GetInstance()->test_to_run_count() == 0) failed = 1;
  const std::int32_t failed_here = failed;
  runtime.world().all_reduce(host_tensor(&failed, {1}), Reduce::max, Stream{});
  if (failed_here != 0 && runtime.world_rank() != 0) log::error("this rank has failures");
  return failed;
}

}  // namespace

Runtime& test_runtime() { return *the_runtime; }

}  // namespace phalanx

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::signal(SIGALRM, phalanx::on_alarm);
  try {
    phalanx::Runtime runtime(&argc, &argv);
    phalanx::the_runtime = &runtime;
    return phalanx::run_tests(runtime);
  } catch (const std::exception& error) {
    std::cerr << "the MPI tests cannot run: " << error.what() << '\n';
    return 1;
  }
}
