// Prometheus: names and values of the text format, and counters that only grow.
#include "trainer/metrics/prometheus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/trainer/metrics_support.h"

namespace phalanx {
namespace {

using test::lines_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

RunInfo run_info() {
  RunInfo info;
  info.name = "tiny \"quoted\"";
  info.device = "cpu";
  info.world_size = 4;
  return info;
}

StepStats stats_of(std::int64_t step) {
  StepStats s;
  s.step = step;
  s.loss = 2.5;
  s.learning_rate = 0.001;
  s.gradient_norm = 0.75;
  s.tokens = 1000 * step;
  s.step_tokens = 1000;
  s.step_seconds = 0.3;
  s.tokens_per_second = 3333;
  s.model_flops_utilization_ratio = 0.5;
  s.eta_seconds = 60;
  s.loss_scale = 1;
  s.phase_seconds = {0.01, 0.02, 0.03, 0.04, 0.05};
  s.data_wait_seconds = 0.25;
  return s;
}

// "name{labels}" -> value.
std::map<std::string, double> samples_of(const PrometheusExporter& exporter) {
  std::map<std::string, double> samples;
  for (const std::string& line : lines_of(exporter.text())) {
    if (line[0] == '#') continue;
    const auto space = line.rfind(' ');
    samples[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return samples;
}

TEST(MetricsPrometheus, EveryGaugeOfAStepIsThere) {
  PrometheusExporter exporter(run_info());
  exporter.step(stats_of(7));
  auto samples = samples_of(exporter);
  EXPECT_EQ(samples["phalanx_train_loss"], 2.5);
  EXPECT_EQ(samples["phalanx_train_step"], 7);
  EXPECT_EQ(samples["phalanx_consumed_tokens"], 7000);
  EXPECT_EQ(samples["phalanx_train_tokens_per_second"], 3333);
  EXPECT_EQ(samples["phalanx_model_flops_utilization_ratio"], 0.5);
  EXPECT_EQ(samples["phalanx_gradient_norm"], 0.75);
  EXPECT_EQ(samples["phalanx_learning_rate"], 0.001);
  EXPECT_EQ(samples["phalanx_loss_scale"], 1);
  EXPECT_EQ(samples["phalanx_eta_seconds"], 60);
}

TEST(MetricsPrometheus, EveryNameOfTheDesignIsServed) {
  PrometheusExporter exporter(run_info());
  exporter.step(stats_of(1));
  exporter.validation({1, 1.0, 3.5, 10, 1});
  exporter.checkpoint(1.7e9, 0.5, 0.1, 1e9);
  exporter.memory({{"weights", 200, 100}});
  exporter.usage({{"all_reduce", 0.5, 1024, 2}});
  exporter.layer_gradient_norms({0.1, 0.2});
  exporter.rank(3, 0.25, 1.7e9);
  const std::string text = exporter.text();
  for (const char* name : {"train_loss",
                           "validation_loss",
                           "train_step",
                           "consumed_tokens",
                           "train_tokens_per_second",
                           "model_flops_utilization_ratio",
                           "gradient_norm",
                           "layer_gradient_norm",
                           "learning_rate",
                           "loss_scale",
                           "memory_bytes",
                           "memory_planned_bytes",
                           "checkpoint_seconds",
                           "checkpoint_stall_seconds",
                           "checkpoint_failures_total",
                           "checkpoint_last_success_timestamp_seconds",
                           "checkpoint_free_bytes",
                           "rank_step_seconds",
                           "rank_last_seen_timestamp_seconds",
                           "eta_seconds",
                           "build_info",
                           "run_info",
                           "train_tokens_total",
                           "train_phase_seconds_total",
                           "skipped_steps_total",
                           "collective_seconds_total",
                           "collective_bytes_total",
                           "data_wait_seconds_total",
                           "train_step_seconds"}) {
    EXPECT_THAT(text, HasSubstr(std::string("# TYPE phalanx_") + name + " ")) << name;
  }
  for (const std::string& line : lines_of(text)) {
    EXPECT_THAT(line, ::testing::AnyOf(StartsWith("#"), StartsWith("phalanx_")));
  }
}

TEST(MetricsPrometheus, LabelsNameArenaRankLayerAndPhase) {
  PrometheusExporter exporter(run_info());
  exporter.step(stats_of(1));
  exporter.memory({{"weights", 200, 100}});
  exporter.layer_gradient_norms({0.1, 0.2});
  exporter.rank(3, 0.25, 1.7e9);
  auto samples = samples_of(exporter);
  EXPECT_EQ(samples[R"(phalanx_memory_bytes{arena="weights"})"], 100);
  EXPECT_EQ(samples[R"(phalanx_memory_planned_bytes{arena="weights"})"], 200);
  EXPECT_EQ(samples[R"(phalanx_layer_gradient_norm{layer="none"})"], 0.1);
  EXPECT_EQ(samples[R"(phalanx_layer_gradient_norm{layer="0"})"], 0.2);
  EXPECT_EQ(samples[R"(phalanx_rank_step_seconds{world_rank="3"})"], 0.25);
  EXPECT_EQ(samples[R"(phalanx_train_phase_seconds_total{phase="backward"})"], 0.03);
}

TEST(MetricsPrometheus, CountersStartAtZeroAndAddUp) {
  PrometheusExporter exporter(run_info());
  auto samples = samples_of(exporter);
  EXPECT_EQ(samples.at("phalanx_train_tokens_total"), 0);
  EXPECT_EQ(samples.at("phalanx_skipped_steps_total"), 0);
  StepStats s = stats_of(500);
  exporter.step(s);
  s.skipped = true;
  exporter.step(s);
  samples = samples_of(exporter);
  EXPECT_EQ(samples["phalanx_train_tokens_total"], 2000) << "of this process, not of the run";
  EXPECT_EQ(samples["phalanx_skipped_steps_total"], 1);
  EXPECT_EQ(samples["phalanx_data_wait_seconds_total"], 0.5);
}

TEST(MetricsPrometheus, CollectivesOfSeveralCommunicatorsAddUpOnce) {
  PrometheusExporter exporter(run_info());
  exporter.usage({{"all_reduce", 0.5, 1000, 1}, {"broadcast", 1, 8, 1}, {"all_reduce", 0.25, 500, 1}});
  exporter.usage({{"all_reduce", 1.5, 3000, 2}, {"broadcast", 1, 8, 1}, {"all_reduce", 0.25, 500, 1}});
  auto samples = samples_of(exporter);
  EXPECT_DOUBLE_EQ(samples[R"(phalanx_collective_seconds_total{operation="all_reduce"})"], 1.75);
  EXPECT_EQ(samples[R"(phalanx_collective_bytes_total{operation="all_reduce"})"], 3500);
  EXPECT_EQ(samples[R"(phalanx_collective_bytes_total{operation="broadcast"})"], 8);
}

TEST(MetricsPrometheus, StepTimesFillAHistogramFromAMillisecondToTwoMinutes) {
  PrometheusExporter exporter(run_info());
  exporter.step(stats_of(1));
  auto samples = samples_of(exporter);
  EXPECT_EQ(samples["phalanx_train_step_seconds_count"], 1);
  EXPECT_EQ(samples[R"(phalanx_train_step_seconds_bucket{le="0.2"})"], 0);
  EXPECT_EQ(samples[R"(phalanx_train_step_seconds_bucket{le="0.5"})"], 1);
  EXPECT_TRUE(samples.contains(R"(phalanx_train_step_seconds_bucket{le="0.001"})"));
  EXPECT_TRUE(samples.contains(R"(phalanx_train_step_seconds_bucket{le="120"})"));
}

TEST(MetricsPrometheus, ValuesThatAreNotFiniteAreServed) {
  PrometheusExporter exporter(run_info());
  StepStats s = stats_of(1);
  s.loss = std::nan("");
  s.gradient_norm = INFINITY;
  exporter.step(s);
  EXPECT_THAT(exporter.text(), HasSubstr("phalanx_train_loss Nan"));
  EXPECT_THAT(exporter.text(), HasSubstr("phalanx_gradient_norm +Inf"));
}

}  // namespace
}  // namespace phalanx
