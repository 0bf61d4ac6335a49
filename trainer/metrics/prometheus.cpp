#include "trainer/metrics/prometheus.h"

#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "core/clock.h"
#include "trainer/metrics/metric_list.h"
#include "trainer/metrics/rank_series.h"

namespace phalanx {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// From 1 ms to 120 s, about three per factor of ten.
const Histogram::BucketBoundaries kStepBuckets = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                                  0.5,   1,     2,     5,    10,   20,   60,  120};

Gauge& gauge(prometheus::Registry& registry, const char* name) { return gauges(registry, name).Add({}); }
Counter& counter(prometheus::Registry& registry, const char* name) { return counters(registry, name).Add({}); }
Histogram& histogram(prometheus::Registry& registry, const char* name, const Histogram::BucketBoundaries& buckets) {
  const Metric& metric = metric_named(name);
  auto& family = prometheus::BuildHistogram().Name(metric.full_name()).Help(metric.help).Register(registry);
  return family.Add({}, buckets);
}

}  // namespace

struct PrometheusExporter::State {
  prometheus::Registry r;
  Gauge& loss = gauge(r, "train_loss");
  Gauge& validation_loss = gauge(r, "validation_loss");
  Gauge& step = gauge(r, "train_step");
  Gauge& tokens = gauge(r, "consumed_tokens");
  Gauge& tokens_per_second = gauge(r, "train_tokens_per_second");
  Gauge& mfu = gauge(r, "model_flops_utilization_ratio");
  Gauge& gradient_norm = gauge(r, "gradient_norm");
  Gauge& learning_rate = gauge(r, "learning_rate");
  Gauge& loss_scale = gauge(r, "loss_scale");
  Gauge& eta = gauge(r, "eta_seconds");
  Gauge& checkpoint_seconds = gauge(r, "checkpoint_seconds");
  Gauge& checkpoint_stall = gauge(r, "checkpoint_stall_seconds");
  Gauge& checkpoint_time = gauge(r, "checkpoint_last_success_timestamp_seconds");
  Gauge& free_bytes = gauge(r, "checkpoint_free_bytes");
  Gauge& checkpoint_bytes = gauge(r, "checkpoint_planned_bytes");
  Gauge& start = gauge(r, "start_timestamp_seconds");
  Family<Gauge>& layer_norms = gauges(r, "layer_gradient_norm");
  Family<Gauge>& rank_seconds = gauges(r, "rank_step_seconds");
  Family<Gauge>& rank_seen = gauges(r, "rank_last_seen_timestamp_seconds");
  Counter& train_tokens = counter(r, "train_tokens_total");
  Counter& skipped = counter(r, "skipped_steps_total");
  Counter& failed_checkpoints = counter(r, "checkpoint_failures_total");
  RankSeries own{r};
  Histogram& step_seconds = histogram(r, "train_step_seconds", kStepBuckets);
};

PrometheusExporter::PrometheusExporter(const RunInfo& info) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.start.Set(unix_seconds());
  gauges(s.r, "run_info")
      .Add({{"run", info.name},
            {"device", info.device},
            {"precision", info.precision},
            {"reproducible", info.reproducible},
            {"world_size", std::to_string(info.world_size)},
            {"data_ranks", std::to_string(info.data_ranks)},
            {"tensor_ranks", std::to_string(info.tensor_ranks)},
            {"steps", std::to_string(info.steps)},
            {"parameters", std::to_string(info.parameters)}})
      .Set(1);
}

PrometheusExporter::~PrometheusExporter() = default;

void PrometheusExporter::step(const StepStats& stats) {
  State& s = *state_;
  s.loss.Set(stats.loss);
  s.step.Set(static_cast<double>(stats.step));
  s.tokens.Set(static_cast<double>(stats.tokens));
  s.tokens_per_second.Set(stats.tokens_per_second);
  s.mfu.Set(stats.model_flops_utilization_ratio);
  s.gradient_norm.Set(stats.gradient_norm);
  s.learning_rate.Set(stats.learning_rate);
  s.loss_scale.Set(stats.loss_scale);
  s.eta.Set(stats.eta_seconds);
  s.train_tokens.Increment(static_cast<double>(stats.step_tokens));
  s.own.step(stats);
  s.step_seconds.Observe(stats.step_seconds);
  if (stats.skipped) s.skipped.Increment();
}

void PrometheusExporter::validation(const ValidationStats& stats) { state_->validation_loss.Set(stats.loss); }

void PrometheusExporter::checkpoint(double time, double seconds, double stall_seconds, double free) {
  state_->checkpoint_time.Set(time);
  state_->checkpoint_seconds.Set(seconds);
  state_->checkpoint_stall.Set(stall_seconds);
  free_bytes(free);
}

void PrometheusExporter::checkpoint_failure(double free) {
  state_->failed_checkpoints.Increment();
  free_bytes(free);
}

void PrometheusExporter::free_bytes(double bytes) {
  if (bytes >= 0) state_->free_bytes.Set(bytes);
}

void PrometheusExporter::checkpoint_plan(double bytes) { state_->checkpoint_bytes.Set(bytes); }

void PrometheusExporter::memory(const std::vector<ArenaBytes>& arenas) { state_->own.memory(arenas); }

void PrometheusExporter::usage(const std::vector<Communicator::Usage>& totals) { state_->own.usage(totals); }

void PrometheusExporter::layer_gradient_norms(const std::vector<double>& norms) {
  for (std::size_t i = 0; i < norms.size(); ++i) {
    state_->layer_norms.Add({{"layer", i == 0 ? "none" : std::to_string(i - 1)}}).Set(norms[i]);
  }
}

void PrometheusExporter::rank(int world_rank, double step_seconds, double last_seen) {
  state_->rank_seconds.Add({{"world_rank", std::to_string(world_rank)}}).Set(step_seconds);
  rank_seen(world_rank, last_seen);
}

void PrometheusExporter::rank_seen(int world_rank, double time) {
  Gauge& seen = state_->rank_seen.Add({{"world_rank", std::to_string(world_rank)}});
  if (time > seen.Value()) seen.Set(time);
}

std::string PrometheusExporter::text() const { return prometheus::TextSerializer().Serialize(state_->r.Collect()); }

}  // namespace phalanx
