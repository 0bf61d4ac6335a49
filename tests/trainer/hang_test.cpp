// Jobs of the whole program that hang: one verdict names the rank and where it is, and the job ends within its limit
// and five seconds.
#include <gmock/gmock.h>

#include <chrono>
#include <cstdlib>

#include "tests/support/endless_job.h"

namespace phalanx {
namespace {

using test::Outcome;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kLimit = 3;  // seconds
constexpr double kGraceSeconds = 5;

class Hang : public test::EndlessJob {
 protected:
  ~Hang() override { ::unsetenv("PHALANX_TEST_HANG"); }
  // Misbehaves by itself, or by what `shell` does to $VICTIM, the process of world rank `rank`.
  Outcome hang(const std::string& shell, int rank) {
    const std::string find =
        "VICTIM=$(for p in $(pgrep -P $LAUNCHER -f 'train config'); do tr '\\0' '\\n' </proc/$p/environ | "
        "grep -qx OMPI_COMM_WORLD_RANK=" +
        std::to_string(rank) + " && echo $p; done)";
    return job_until(find + "; date +%s.%N >begun; " + shell, "--set run.hang_timeout=3");
  }
  // With a failure, within the limit and some seconds from `begun` on.
  void expect_end(const Outcome& o) const {
    EXPECT_NE(o.status, 0) << o.err;
    const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    EXPECT_LT(now - std::stod(test::read_file(folder_ / "begun")), kLimit + kGraceSeconds);
  }
};

TEST_F(Hang, AStoppedRankIsNamedAndCannotTellItsStack) {
  const Outcome o = hang("kill -STOP $VICTIM", 1);
  expect_end(o);
  EXPECT_THAT(o.err, AllOf(ContainsRegex("hang: step [0-9]+ has lasted"),
                           ContainsRegex("rank 1 @ .* has told nothing for .*its process is stopped \\(by a signal"),
                           ContainsRegex("rank 0 waits at step [0-9]+, in [a-z_]+ of the ")));
  EXPECT_THAT(status(), AllOf(HasSubstr("\"failed\""), HasSubstr("hang: step")));
}

TEST_F(Hang, AStoppedRankZeroIsNamedByAnother) {
  const Outcome o = hang("kill -STOP $VICTIM", 0);
  expect_end(o);
  EXPECT_THAT(o.err, AllOf(HasSubstr("hang: rank 0 has told nothing for"), HasSubstr("rank 1 waits at step ")));
}

TEST_F(Hang, ARankThatSleepsInItsDataIsNamedWithItsStack) {
  ::setenv("PHALANX_TEST_HANG", "1:4:data", 1);
  const Outcome o = hang(":", 1);
  expect_end(o);
  EXPECT_THAT(o.err, AllOf(ContainsRegex("rank 1 @ .* is late: step 4, phase data"), HasSubstr("stack of rank 1:"),
                           HasSubstr("sleep_in_data_if_asked"), HasSubstr("rank 0 waits at step 4, in all_reduce")));
}

TEST_F(Hang, ARankThatLeavesOutACollectiveIsNamed) {
  ::setenv("PHALANX_TEST_HANG", "1:4:collective", 1);
  const Outcome o = hang(":", 1);
  expect_end(o);
  EXPECT_THAT(o.err, AllOf(ContainsRegex("rank 1 @ .* left a collective out or took another branch: it is at step 5"),
                           HasSubstr("rank 0 waits at step 4, in all_reduce of the world group"),
                           HasSubstr("stack of rank 1:")));
}

TEST_F(Hang, AJobThatGetsOnIsLeftAlone) {
  const Outcome o = job_until("sleep 6; kill -USR1 $LAUNCHER", "--set run.hang_timeout=4");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.err, Not(HasSubstr("hang:")));
}

}  // namespace
}  // namespace phalanx
