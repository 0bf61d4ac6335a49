#include "trainer/metrics/prometheus.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>

#include "trainer/version.h"

namespace phalanx {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// From 1 ms to 120 s, about three per factor of ten.
const Histogram::BucketBoundaries kStepBuckets = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                                  0.5,   1,     2,     5,    10,   20,   60,  120};

Family<Gauge>& gauges(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(std::string("phalanx_") + name).Help(help).Register(registry);
}
Family<Counter>& counters(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(std::string("phalanx_") + name).Help(help).Register(registry);
}
Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return gauges(registry, name, help).Add({});
}
Counter& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return counters(registry, name, help).Add({});
}

}  // namespace

struct PrometheusExporter::State {
  prometheus::Registry r;
  Gauge& loss = gauge(r, "train_loss", "Mean loss of the predicted tokens of the last step, nats");
  Gauge& validation_loss = gauge(r, "validation_loss", "Mean loss of the last evaluation, nats");
  Gauge& step = gauge(r, "train_step", "Updates done by the run");
  Gauge& tokens = gauge(r, "consumed_tokens", "Input positions without padding, of the run so far");
  Gauge& tokens_per_second = gauge(r, "train_tokens_per_second", "Tokens per second of the last step, all ranks");
  Gauge& mfu = gauge(r, "model_flops_utilization_ratio", "Matrix products of the last step over the peak of all ranks");
  Gauge& gradient_norm = gauge(r, "gradient_norm", "Global norm before clipping");
  Gauge& learning_rate = gauge(r, "learning_rate", "Rate of the last step");
  Gauge& loss_scale = gauge(r, "loss_scale", "Factor of the loss in fp16");
  Gauge& eta = gauge(r, "eta_seconds", "Time to the last step at the present speed");
  Gauge& checkpoint_seconds = gauge(r, "checkpoint_seconds", "Duration of the last checkpoint");
  Gauge& checkpoint_stall = gauge(r, "checkpoint_stall_seconds", "How long training stood still for it");
  Gauge& checkpoint_time = gauge(r, "checkpoint_last_success_timestamp_seconds", "Unix time of the last checkpoint");
  Gauge& free_bytes = gauge(r, "checkpoint_free_bytes", "Free space where checkpoints are written");
  Family<Gauge>& layer_norms = gauges(r, "layer_gradient_norm", "Norm of a layer's gradients before clipping");
  Family<Gauge>& memory = gauges(r, "memory_bytes", "Most bytes used so far per arena of rank 0");
  Family<Gauge>& planned = gauges(r, "memory_planned_bytes", "Bytes planned per arena of rank 0");
  Family<Gauge>& rank_seconds = gauges(r, "rank_step_seconds", "Time of a rank's last step without its collectives");
  Family<Gauge>& rank_seen = gauges(r, "rank_last_seen_timestamp_seconds", "Unix time of a rank's last report");
  Counter& train_tokens = counter(r, "train_tokens_total", "Tokens trained on by this process");
  Counter& skipped = counter(r, "skipped_steps_total", "Updates skipped for overflow");
  Counter& failed_checkpoints = counter(r, "checkpoint_failures_total", "Checkpoints that could not be saved");
  Counter& data_wait = counter(r, "data_wait_seconds_total", "Time that steps waited for data");
  Family<Counter>& phases = counters(r, "train_phase_seconds_total", "Time of rank 0 per phase of the step");
  Family<Counter>& seconds = counters(r, "collective_seconds_total", "Time of rank 0 in collectives");
  Family<Counter>& bytes = counters(r, "collective_bytes_total", "Bytes of rank 0's buffers in collectives");
  Histogram& step_seconds = prometheus::BuildHistogram()
                                .Name("phalanx_train_step_seconds")
                                .Help("Duration of steps")
                                .Register(r)
                                .Add({}, kStepBuckets);
  std::array<Counter*, kPhaseNames.size()> phase{};
};

PrometheusExporter::PrometheusExporter(const RunInfo& info) : state_(std::make_unique<State>()) {
  State& s = *state_;
  for (std::size_t p = 0; p < kPhaseNames.size(); ++p) s.phase[p] = &s.phases.Add({{"phase", kPhaseNames[p]}});
  gauges(s.r, "build_info", "Version of the program")
      .Add({{"version", std::string(program_version())}, {"commit", std::string(source_commit())}})
      .Set(1);
  gauges(s.r, "run_info", "What runs here")
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
  s.data_wait.Increment(stats.data_wait_seconds);
  s.step_seconds.Observe(stats.step_seconds);
  if (stats.skipped) s.skipped.Increment();
  for (std::size_t p = 0; p < s.phase.size(); ++p) s.phase[p]->Increment(stats.phase_seconds[p]);
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

void PrometheusExporter::memory(const std::vector<ArenaBytes>& arenas) {
  for (const ArenaBytes& arena : arenas) {
    state_->memory.Add({{"arena", arena.name}}).Set(static_cast<double>(arena.used));
    state_->planned.Add({{"arena", arena.name}}).Set(static_cast<double>(arena.planned));
  }
}

void PrometheusExporter::usage(const std::vector<Communicator::Usage>& totals) {
  std::map<std::string, Communicator::Usage> sums;
  for (const Communicator::Usage& total : totals) {
    Communicator::Usage& sum = sums[total.operation];
    sum.seconds += total.seconds;
    sum.bytes += total.bytes;
  }
  for (const auto& [operation, sum] : sums) {
    Counter& seconds = state_->seconds.Add({{"operation", operation}});
    Counter& bytes = state_->bytes.Add({{"operation", operation}});
    seconds.Increment(std::max(0.0, sum.seconds - seconds.Value()));
    bytes.Increment(std::max(0.0, static_cast<double>(sum.bytes) - bytes.Value()));
  }
}

void PrometheusExporter::layer_gradient_norms(const std::vector<double>& norms) {
  for (std::size_t i = 0; i < norms.size(); ++i) {
    state_->layer_norms.Add({{"layer", i == 0 ? "none" : std::to_string(i - 1)}}).Set(norms[i]);
  }
}

void PrometheusExporter::rank(int world_rank, double step_seconds, double last_seen) {
  const prometheus::Labels labels = {{"world_rank", std::to_string(world_rank)}};
  state_->rank_seconds.Add(labels).Set(step_seconds);
  state_->rank_seen.Add(labels).Set(last_seen);
}

std::string PrometheusExporter::text() const { return prometheus::TextSerializer().Serialize(state_->r.Collect()); }

}  // namespace phalanx
