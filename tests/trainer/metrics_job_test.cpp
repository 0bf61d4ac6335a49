// What a running job tells Prometheus.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/endless_job.h"

namespace phalanx {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

using MetricsJob = test::EndlessJob;

TEST_F(MetricsJob, TellsTheBytesThatStepsUseAndTheNormOfEachLayer) {
  const test::Outcome o = job_until(
      R"(PORT=$(grep -o '127.0.0.1:[0-9]*' run/prometheus_targets.json | cut -d: -f2); )"
      R"(bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT; )"
      R"(printf 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3; cat <&3" >scrape; )"
      "kill -USR1 $LAUNCHER",
      "--set metrics.prometheus=127.0.0.1:0");
  EXPECT_EQ(o.status, 0) << o.err;
  const std::string text = test::read_file(folder_ / "scrape");
  for (const std::string arena : {"weights", "gradients", "optimizer", "activations", "workspace"}) {
    EXPECT_THAT(text, ContainsRegex("phalanx_memory_bytes.arena=\"" + arena + "\". [1-9]"));
  }
  EXPECT_THAT(text, HasSubstr("phalanx_layer_gradient_norm{layer=\"none\"}"));
  EXPECT_THAT(text, HasSubstr("phalanx_layer_gradient_norm{layer=\"0\"}"));
  EXPECT_THAT(text, Not(HasSubstr("layer=\"1\""))) << "the model has one layer";
}

TEST_F(MetricsJob, ServesEveryRanksOwnWhenAsked) {
  const test::Outcome o = job_until(
      R"(N=0; for PORT in $(grep -o '127.0.0.1:[0-9]*' run/prometheus_targets.json | cut -d: -f2); do )"
      R"(bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT; )"
      R"(printf 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3; cat <&3" >scrape_$N; N=$((N + 1)); )"
      "done; kill -USR1 $LAUNCHER",
      "--set metrics.prometheus=127.0.0.1:0 --set metrics.per_rank=true");
  EXPECT_EQ(o.status, 0) << o.err;
  const std::string first = test::read_file(folder_ / "scrape_0");
  const std::string second = test::read_file(folder_ / "scrape_1");
  EXPECT_THAT(first, HasSubstr("phalanx_train_loss "));
  EXPECT_THAT(first, ContainsRegex("phalanx_train_phase_seconds_total.phase=\"forward\". "));
  EXPECT_THAT(second, Not(HasSubstr("phalanx_train_loss")));
  EXPECT_THAT(second,
              ContainsRegex("phalanx_train_phase_seconds_total.world_rank=\"1\",phase=\"forward\". [0-9.e-]*[1-9]"));
  EXPECT_THAT(second, ContainsRegex("phalanx_memory_bytes.world_rank=\"1\",arena=\"weights\". [1-9]"));
  EXPECT_THAT(second, ContainsRegex("phalanx_collective_bytes_total.world_rank=\"1\",operation=\"[a-z_]*\". [1-9]"));
}

}  // namespace
}  // namespace phalanx
