// The life of an MPI program, seen from outside: this program starts itself again, alone or under mpirun, in a role
// that an environment variable names.
#include "parallel/runtime.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/host.h"
#include "core/log.h"

namespace phalanx {
namespace {

constexpr const char* kRole = "PHALANX_TEST_ROLE";

struct Outcome {
  int status = -1;  // exit status; 128 + signal
  double seconds = 0;
  std::string output;  // both streams
};

Outcome run(const std::string& command) {
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return outcome;
  std::array<char, 4096> text{};
  while (const std::size_t n = std::fread(text.data(), 1, text.size(), pipe)) outcome.output.append(text.data(), n);
  const int status = pclose(pipe);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

// `environment` NAME=value pairs; launcher "" or an mpirun command. A role that hangs is ended after 30 s.
Outcome start(const std::string& role, const std::string& launcher, const std::string& environment = "") {
  std::array<char, 4096> self{};
  if (readlink("/proc/self/exe", self.data(), self.size() - 1) < 0) return {};
  return run("env " + environment + " " + kRole + "=" + role + " timeout -s KILL 30 " + launcher + " " + self.data() +
             " --gtest_filter=Runtime.Role");
}

const char* const kTwoRanks =
    "env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
    "mpirun --oversubscribe --bind-to none --quiet -np 2";
const char* const kBoundRank =
    "env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --quiet -np 1 --bind-to core";

[[noreturn]] void play(const std::string& role) {
  int argc = 0;
  char** argv = nullptr;
  if (role == "throws" || role == "throws_usage") {
    try {
      Runtime runtime(&argc, &argv);
      if (runtime.world_rank() == 1) throw Error("rank 1 has had enough");
      runtime.world().barrier();
    } catch (const Error& error) {
      std::fprintf(stderr, "refused: %s\n", error.what());
      std::_Exit(2);
    }
  } else {
    Runtime runtime(&argc, &argv);
    if (role == "aborts" && runtime.world_rank() == 1) {
      log::error("rank 1 gives up");
      runtime.abort(7);
    }
    if (role == "aborts_with_zero") runtime.abort(0);
    if (role == "warns_if_bound") runtime.warn_if_bound();
    runtime.world().barrier();
    if (role == "says") std::printf("world of %d on %s\n", runtime.world_size(), host_name().c_str());
    std::fflush(stdout);
  }
  std::_Exit(0);
}

// What the started program does. In the test run itself there is no role, and nothing to do.
TEST(Runtime, Role) {
  if (const char* role = std::getenv(kRole)) play(role);
}

TEST(Runtime, OneRanksAbortEndsTheWholeJobWithinSeconds) {
  const Outcome outcome = start("aborts", kTwoRanks);  // rank 0 waits in a barrier for ever
  EXPECT_EQ(outcome.status, 7) << outcome.output;
  EXPECT_LT(outcome.seconds, 5) << outcome.output;
  EXPECT_NE(outcome.output.find("rank 1 gives up"), std::string::npos) << outcome.output;
}

TEST(Runtime, AnExceptionThatLeavesARankEndsTheWholeJobWithinSeconds) {
  const Outcome outcome = start("throws", kTwoRanks);
  EXPECT_NE(outcome.status, 0) << outcome.output;
  EXPECT_LT(outcome.seconds, 5) << outcome.output;
}

TEST(Runtime, AbortNeverReportsSuccess) {
  EXPECT_EQ(start("aborts_with_zero", "").status, 1);
  EXPECT_EQ(start("aborts_with_zero", kTwoRanks).status, 1);
}

TEST(Runtime, WithoutMpirunItIsAQuickAndSilentWorldOfOne) {
  const Outcome outcome = start("says", "");
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_LT(outcome.seconds, 2);
  const std::size_t line = outcome.output.find("world of 1 on ");
  ASSERT_NE(line, std::string::npos) << outcome.output;
  // GoogleTest's own lines come before; MPI adds none.
  EXPECT_EQ(outcome.output.find('\n', line), outcome.output.size() - 1) << outcome.output;
  EXPECT_EQ(outcome.output.find("MPI"), std::string::npos) << outcome.output;
  EXPECT_EQ(outcome.output.find("mpi"), std::string::npos) << outcome.output;
}

TEST(Runtime, ProcessesOfOneRankShareNoFolder) {
  const Outcome outcome = start("says", "", "OMPI_MCA_orte_tmpdir_base=/proc/no/such/place");
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

TEST(Runtime, TasksOfSrunThatMpiCannotSeeAreRefused) {
  const Outcome outcome = start("throws_usage", "", "SLURM_STEP_NUM_TASKS=4");
  EXPECT_EQ(outcome.status, 2) << outcome.output;
  EXPECT_NE(outcome.output.find("--mpi=pmix"), std::string::npos) << outcome.output;
}

TEST(Runtime, ARankBoundToOneCoreIsToldOfBindToNone) {
  if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
    const Outcome bound = start("warns_if_bound", kBoundRank);
    EXPECT_NE(bound.output.find("--bind-to none"), std::string::npos) << bound.output;
  }
  const Outcome free = start("warns_if_bound", kTwoRanks);
  EXPECT_EQ(free.output.find("warning"), std::string::npos) << free.output;
}

}  // namespace
}  // namespace phalanx
