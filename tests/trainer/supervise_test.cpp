// launch/supervise.sh keeps a run going: it starts again from the newest good checkpoint, a bounded number of times.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/support/endless_job.h"

namespace phalanx {
namespace {

using test::Outcome;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Supervise : public test::EndlessJob {
 protected:
  // `command` under supervision, while `shell` goes on beside it with $SUPERVISOR.
  Outcome supervise(const std::string& command, const std::string& shell, const std::string& options = "") {
    return test::run_in(folder_.path(), std::string(PHALANX_SOURCE_DIR) + "/launch/supervise.sh --backoff 1 " +
                                            options + " run -- " + command + " & SUPERVISOR=$!; " + shell +
                                            "; wait $SUPERVISOR; exit $?");
  }
  [[nodiscard]] static std::string train(const std::string& overrides) {
    return test::mpirun(2) + PHALANX_BINARY + " train config.yaml " + overrides;
  }
  [[nodiscard]] std::string journal() const { return test::read_file(folder_ / "run/supervise.log"); }
};

constexpr const char* kShortRun = "--set training.steps=400 --set checkpoint.every=20 --set checkpoint.keep=2";
// $SUPERVISOR's job has a checkpoint beyond the first `n`: then its rank 1 is killed.
constexpr const char* kKillOneRank =
    "for i in $(seq 300); do [ -e run/checkpoints/step_00000100 ] && break; sleep 0.02; done; "
    "kill -9 $(for p in $(pgrep -f 'train config.yaml --set training.steps=400'); do "
    "tr '\\0' '\\n' </proc/$p/environ 2>/dev/null | grep -qx OMPI_COMM_WORLD_RANK=1 && "
    "[ \"$(readlink /proc/$p/cwd)\" = \"$PWD\" ] && echo $p; done)";

TEST_F(Supervise, ARunWhoseRankIsKilledGoesOnAndEndsWithTheBitsOfAnUndisturbedOne) {
  const Outcome o = supervise(train(kShortRun), kKillOneRank);
  EXPECT_EQ(o.status, 0) << o.err << journal();
  EXPECT_THAT(journal(),
              AllOf(ContainsRegex("failure 1 of 5: exit status [0-9]+ at checkpoint step [0-9]+: the job was "
                                  "killed"),
                    HasSubstr("again in 1 s"), HasSubstr("end: finished, step 400")));
  EXPECT_THAT(o.err, HasSubstr("resumed from run/checkpoints/step_"));
  EXPECT_EQ(test::run_in(folder_.path(), train(std::string(kShortRun) + " --set run.output=quiet")).status, 0);
  const Outcome diff = test::run_in(folder_.path(), std::string(PHALANX_BINARY) + " checkpoint diff run quiet");
  EXPECT_EQ(diff.status, 0) << diff.out;
}

TEST_F(Supervise, ARequestToStopSavesAndIsNoFailure) {
  const Outcome o = supervise(train(""),
                              "for i in $(seq 300); do grep -q '\"step\":3,' run/metrics.jsonl 2>/dev/null && break; "
                              "sleep 0.1; done; kill -TERM $SUPERVISOR");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(status(), HasSubstr("\"stopped\""));
  EXPECT_THAT(journal(), AllOf(HasSubstr("end: stopped"), Not(HasSubstr("failure"))));
}

TEST_F(Supervise, FailuresWithoutANewCheckpointAreBounded) {
  const Outcome o = supervise("sh -c 'echo started >>starts; exit 1'", ":", "--retries 2");
  EXPECT_EQ(o.status, 1);
  EXPECT_EQ(test::read_file(folder_ / "starts"), "started\nstarted\nstarted\n");
  EXPECT_THAT(journal(), AllOf(HasSubstr("again in 1 s"), HasSubstr("again in 2 s"),
                               HasSubstr("giving up: 2 retries brought no new checkpoint")));
}

TEST_F(Supervise, BadUsageIsNotTriedAgain) {
  const Outcome o = supervise(train("--set run.nmae=x"), ":");
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(journal(), Not(HasSubstr("again")));
}

TEST_F(Supervise, HostsThatDoNotAnswerAreLeftOut) {
  test::append(folder_ / "hosts", "# ours\nnode1 slots=2\nnode2 slots=4\nnode3\n");
  test::append(folder_ / "fake_ssh", "#!/bin/sh\ncase \"$*\" in *node2*) exit 255 ;; esac\n");
  std::filesystem::permissions(folder_ / "fake_ssh", std::filesystem::perms::owner_all);
  ::setenv("PHALANX_SSH", (folder_ / "fake_ssh").c_str(), 1);
  const Outcome o = supervise("sh -c 'cat \"$1\"; echo ranks $2' sh '{hostfile}' '{ranks}'", ":", "--hostfile hosts");
  ::unsetenv("PHALANX_SSH");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.out, "node1 slots=2\nnode3 slots=1\nranks 3\n");
  EXPECT_THAT(journal(), HasSubstr("host node2 does not answer"));
}

}  // namespace
}  // namespace phalanx
