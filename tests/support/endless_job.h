// A training job that never ends by itself, of the whole program under mpirun: what tests of running jobs share.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/program.h"

namespace phalanx::test {

class EndlessJob : public testing::Test {
 protected:
  EndlessJob() {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += std::to_string(i * 7919 % 1000) + (i % 50 == 49 ? "\n\n" : " ");
    append(folder_ / "text.txt", text);
    append(folder_ / "config.yaml", R"(run: {name: t, output: run}
model: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 16}
data: {train: [{path: data/train}]}
training: {steps: 10000000, global_batch: 2, micro_batch: 1}
schedule: {warmup_steps: 0}
checkpoint: {every: 0}
metrics: {prometheus: "", console_every: 0}
)");
    const std::string program = PHALANX_BINARY " ";
    const Outcome made = run_in(
        folder_.path(), program + "tokenizer train --vocabulary 270 --input text.txt --output tokenizer && " + program +
                            "data prepare --split blank_line --tokenizer tokenizer --input text.txt --output data");
    EXPECT_EQ(made.status, 0) << made.err;
  }

  // Two ranks train for ever; once steps are made, `shell` runs with $LAUNCHER and $RANK (a process id each).
  Outcome job_until(const std::string& shell, const std::string& options = "") {
    const std::string program = PHALANX_BINARY;
    return run_in(folder_.path(),
                  mpirun(2) + program + " train config.yaml " + options +
                      " & LAUNCHER=$!; "
                      "for i in $(seq 300); do grep -q '\"step\":3,' run/metrics.jsonl 2>/dev/null && break; "
                      "sleep 0.1; done; RANK=$(pgrep -P $LAUNCHER -f 'train config' | tail -1); " +
                      shell +
                      "; (sleep 30; kill -9 $LAUNCHER) & GUARD=$!; wait $LAUNCHER; STATUS=$?; kill $GUARD; "
                      "exit $STATUS");
  }
  [[nodiscard]] std::string status() const { return read_file(folder_ / "run/status.json"); }

  TemporaryFolder folder_;
};

}  // namespace phalanx::test
