// The facade: one report reaches every view of it.
#include "trainer/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tests/trainer/metrics_support.h"

namespace phalanx {
namespace {

using nlohmann::json;
using test::http;
using test::lines_of;
using test::read_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MetricsFacade : public ::testing::Test {
 protected:
  MetricsFacade() {
    config.run.output = folder / "run";
    config.run.name = "tiny";
    config.metrics.prometheus = "127.0.0.1:0";
    config.metrics.console_every = 0;
    info.name = "tiny";
    info.steps = 100;
    ::testing::internal::CaptureStderr();
  }
  ~MetricsFacade() override { ::testing::internal::GetCapturedStderr(); }

  std::vector<std::string> events() const {
    std::vector<std::string> all;
    for (const std::string& line : lines_of(read_file(config.run.output + "/metrics.jsonl"))) {
      const json event = json::parse(line);
      all.push_back(str(event["event"].get<std::string>(), event.contains("step") ? event["step"].dump() : ""));
    }
    return all;
  }
  static StepStats step(std::int64_t number) {
    StepStats s;
    s.step = number;
    s.loss = 1.5;
    return s;
  }

  test::TemporaryFolder folder;
  config::Config config;
  RunInfo info;
};

TEST_F(MetricsFacade, AReportReachesFileAndServer) {
  const RunFolder run(config);
  Metrics metrics(config, info, run);
  metrics.set_memory({{"weights", 10, 5}});
  metrics.set_usage({{"all_reduce", 0.5, 8, 1}});
  metrics.set_layer_gradient_norms({1, 2});
  metrics.set_rank_seconds({0.25, 0.5}, 1.7e9);
  metrics.on_step(step(1));
  metrics.on_validation({1, 1, 2.5, 10, 1});
  metrics.on_checkpoint(1, "c", 0.25, 0.125);
  EXPECT_THAT(events(), ElementsAre("run", "step1", "validation1", "checkpoint1"));
  const std::string page = http(metrics.server()->address().port, "/metrics");
  EXPECT_THAT(page, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  for (const char* sample :
       {"phalanx_train_loss 1.5", "phalanx_validation_loss 2.5", "phalanx_checkpoint_seconds 0.25",
        "phalanx_memory_bytes{arena=\"weights\"} 5", "phalanx_rank_step_seconds{world_rank=\"1\"} 0.5",
        "phalanx_checkpoint_free_bytes", "phalanx_run_info{"}) {
    EXPECT_THAT(page, HasSubstr(sample));
  }
}

TEST_F(MetricsFacade, MemoryIsToldWhenItChangesAndTheSecondsOfManyRanksNowAndThen) {
  const RunFolder run(config);
  Metrics metrics(config, info, run);
  for (int s = 1; s <= 4; ++s) {
    metrics.set_memory({{"weights", 10, s < 3 ? 5 : 6}});
    metrics.set_rank_seconds(std::vector<double>(130, 0.5), 1.7e9);  // 130 ranks: every third step
    metrics.on_step(step(s));
  }
  std::string memory, ranks;
  for (const std::string& line : lines_of(read_file(config.run.output + "/metrics.jsonl"))) {
    const json event = json::parse(line);
    if (event.contains("memory")) memory += event["step"].dump();
    if (event.contains("rank_step_seconds")) ranks += event["step"].dump();
  }
  EXPECT_EQ(memory, "13");
  EXPECT_EQ(ranks, "14");
}

TEST_F(MetricsFacade, TargetsNameThePortThatWasTaken) {
  const RunFolder run(config);
  Metrics metrics(config, info, run);
  const json targets = json::parse(read_file(config.run.output + "/prometheus_targets.json"));
  EXPECT_EQ(targets[0]["targets"][0], str("127.0.0.1:", metrics.server()->address().port));
  EXPECT_EQ(targets[0]["labels"]["run"], "tiny");
  EXPECT_FALSE(targets[0]["labels"]["job_id"].get<std::string>().empty());
}

TEST_F(MetricsFacade, ASkippedStepIsAStepAndASkip) {
  const RunFolder run(config);
  Metrics metrics(config, info, run);
  StepStats skipped = step(1);
  skipped.skipped = true;
  metrics.on_step(skipped);
  EXPECT_THAT(events(), ElementsAre("run", "step1", "skip1"));
}

TEST_F(MetricsFacade, ResumeGoesOnInTheSameFile) {
  const RunFolder run(config);
  {
    Metrics metrics(config, info, run);
    for (int s = 1; s <= 5; ++s) metrics.on_step(step(s));
  }
  {
    Metrics metrics(config, info, run);
    metrics.on_resume(3, "c");
    metrics.on_step(step(4));
  }
  EXPECT_THAT(events(), ElementsAre("run", "step1", "step2", "step3", "resume3", "step4"));
}

TEST_F(MetricsFacade, ARunThatStartsAgainReplacesTheRecordOfOneWithoutCheckpoint) {
  const RunFolder run(config);
  {
    Metrics metrics(config, info, run);
    metrics.on_step(step(1));
    metrics.on_step(step(2));
  }
  {
    Metrics metrics(config, info, run);
    metrics.on_step(step(1));
  }
  EXPECT_THAT(events(), ElementsAre("run", "step1"));
}

TEST_F(MetricsFacade, ResumeWithoutAFileBeginsOne) {
  const RunFolder run(config);
  Metrics metrics(config, info, run);
  metrics.on_resume(3, "c");
  EXPECT_THAT(events(), ElementsAre("run", "resume3"));
}

TEST_F(MetricsFacade, AnEmptyAddressMeansNoServer) {
  config.metrics.prometheus = "";
  const RunFolder run(config);
  Metrics metrics(config, info, run);
  EXPECT_EQ(metrics.server(), nullptr);
  metrics.on_step(step(1));
  EXPECT_THAT(events(), ElementsAre("run", "step1"));
}

TEST_F(MetricsFacade, MorePagesFitOnTheSameServer) {
  const RunFolder run(config);
  Metrics metrics(config, info, run);
  metrics.server()->add_page("/more", [](const HttpRequest&) -> HttpResponse { return {200, "text/html", "<p>page"}; });
  EXPECT_THAT(http(metrics.server()->address().port, "/more"), HasSubstr("<p>page"));
}

}  // namespace
}  // namespace phalanx
