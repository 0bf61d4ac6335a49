// How a training job of several ranks ends from outside: signals to mpirun or to one rank, and ranks that are killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "tests/support/program.h"

namespace phalanx {
namespace {

using test::Outcome;
using ::testing::AllOf;
using ::testing::HasSubstr;

class JobEnd : public testing::Test {
 protected:
  JobEnd() {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += std::to_string(i * 7919 % 1000) + (i % 50 == 49 ? "\n\n" : " ");
    test::append(folder_ / "text.txt", text);
    test::append(folder_ / "config.yaml", R"(run: {name: t, output: run, digest_every: 0}
model: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 16}
data: {train: [{path: data/train}]}
training: {steps: 10000000, global_batch: 2, micro_batch: 1}
schedule: {warmup_steps: 0}
checkpoint: {every: 0, asynchronous: false}
metrics: {prometheus: "", console_every: 0}
)");
    const std::string program = PHALANX_BINARY " ";
    const Outcome made = test::run_in(
        folder_.path(), program + "tokenizer train --vocabulary 270 --input text.txt --output tokenizer && " + program +
                            "data prepare --split blank_line --tokenizer tokenizer --input text.txt --output data");
    EXPECT_EQ(made.status, 0) << made.err;
  }

  // Two ranks train for ever; once steps are made, `shell` runs with $LAUNCHER and $RANK (a process id each).
  Outcome job_until(const std::string& shell) {
    const std::string program = PHALANX_BINARY;
    return test::run_in(folder_.path(),
                        test::mpirun(2) + program +
                            " train config.yaml & LAUNCHER=$!; "
                            "for i in $(seq 300); do grep -q '\"step\":3,' run/metrics.jsonl 2>/dev/null && break; "
                            "sleep 0.1; done; RANK=$(pgrep -P $LAUNCHER -f 'train config' | tail -1); " +
                            shell +
                            "; (sleep 30; kill -9 $LAUNCHER) & GUARD=$!; wait $LAUNCHER; STATUS=$?; kill $GUARD; "
                            "exit $STATUS");
  }
  [[nodiscard]] std::string status() const { return test::read_file(folder_ / "run/status.json"); }

  test::TemporaryFolder folder_;
};

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
