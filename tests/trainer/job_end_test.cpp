// How a training job of several ranks ends from outside: signals to mpirun or to one rank, and ranks that are killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "tests/support/endless_job.h"

namespace phalanx {
namespace {

using test::Outcome;
using ::testing::AllOf;
using ::testing::HasSubstr;

using JobEnd = test::EndlessJob;

TEST_F(JobEnd, Usr1ToMpirunFinishesTheStepSavesAndSucceeds) {
  const Outcome o = job_until("kill -USR1 $LAUNCHER");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.err, AllOf(HasSubstr("stopped at step "), HasSubstr("run/checkpoints/step_")));
  EXPECT_THAT(status(), HasSubstr("\"stopped\""));
}

TEST_F(JobEnd, TermOrInterruptToOneRankFinishesTheStepSavesAndSucceeds) {
  for (const std::string signal : {"TERM", "INT"}) {
    const Outcome o = job_until("kill -" + signal + " $RANK");
    EXPECT_EQ(o.status, 0) << signal << "\n" << o.err;
    EXPECT_THAT(status(), HasSubstr("\"stopped\"")) << signal;
    std::filesystem::remove_all(folder_ / "run");
  }
}

TEST_F(JobEnd, AKilledRankEndsTheJobWithinSeconds) {
  const Outcome o = job_until("kill -9 $RANK; date +%s.%N > killed");
  EXPECT_NE(o.status, 0);
  const double killed = std::stod(test::read_file(folder_ / "killed"));
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LT(now - killed, 5.0);
}

}  // namespace
}  // namespace phalanx
