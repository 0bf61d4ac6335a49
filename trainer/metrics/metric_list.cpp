#include "trainer/metrics/metric_list.h"

#include <algorithm>

#include "core/check.h"

namespace phalanx {

const std::vector<Metric>& metric_list() {
  using enum MetricKind;
  static const std::vector<Metric> all = {
      {"train_loss", gauge, "", "Loss", "none", "Mean loss of the predicted tokens of the last step, nats"},
      {"validation_loss", gauge, "", "Loss", "none", "Mean loss of the last evaluation, nats"},
      {"gradient_norm", gauge, "", "Gradient norm", "none", "Global norm before clipping"},
      {"layer_gradient_norm", gauge, "layer", "Gradient norm by layer", "none",
       "Norm of a layer's gradients before clipping"},
      {"learning_rate", gauge, "", "Learning rate", "sci", "Rate of the last step"},
      {"train_tokens_per_second", gauge, "", "Tokens per second", "short",
       "Tokens per second of the last step, all ranks"},
      {"train_tokens_total", counter, "", "Tokens per second", "short", "Tokens trained on by this process"},
      {"model_flops_utilization_ratio", gauge, "", "MFU", "percentunit",
       "Matrix products of the last step over the peak of all ranks"},
      {"train_step_seconds", histogram, "", "Time of a step", "s", "Duration of steps"},
      {"train_phase_seconds_total", counter, "phase", "Share of time by phase", "percentunit",
       "Time per phase of the step, of the rank that tells"},
      {"data_wait_seconds_total", counter, "", "Share of time waiting for data", "percentunit",
       "Time that steps waited for data"},
      {"rank_step_seconds", gauge, "world_rank", "Own time of each rank in a step", "s",
       "Time of a rank's last step without its collectives"},
      {"rank_last_seen_timestamp_seconds", timestamp, "world_rank", "Time since a rank was heard of", "s",
       "Unix time of a rank's last sign of life"},
      {"collective_seconds_total", counter, "operation", "Share of time in collectives", "percentunit",
       "Time in collectives, of the rank that tells"},
      {"collective_bytes_total", counter, "operation", "Bytes in collectives", "Bps",
       "Bytes of buffers in collectives, of the rank that tells"},
      {"memory_bytes", gauge, "arena", "Memory of rank 0", "bytes",
       "Most bytes used so far per arena, of the rank that tells"},
      {"memory_planned_bytes", gauge, "arena", "Memory of rank 0", "bytes",
       "Bytes planned per arena, of the rank that tells"},
      {"loss_scale", gauge, "", "Loss scale", "short", "Factor of the loss in fp16"},
      {"skipped_steps_total", counter, "", "Skipped steps per second", "none", "Updates skipped for overflow"},
      {"checkpoint_last_success_timestamp_seconds", timestamp, "", "Age of the last checkpoint", "s",
       "Unix time of the last checkpoint; 0: this process has written none"},
      {"checkpoint_seconds", gauge, "", "Time of a checkpoint", "s", "Duration of the last checkpoint"},
      {"checkpoint_stall_seconds", gauge, "", "Time of a checkpoint", "s", "How long training stood still for it"},
      {"checkpoint_free_bytes", gauge, "", "Disk for checkpoints", "bytes", "Free space where checkpoints are written"},
      {"checkpoint_planned_bytes", gauge, "", "Disk for checkpoints", "bytes", "What one checkpoint takes"},
      {"checkpoint_failures_total", counter, "", "Failed checkpoints per second", "none",
       "Checkpoints that could not be saved"},
      {"train_step", gauge, "", "Steps", "short", "Updates done by the run"},
      {"consumed_tokens", gauge, "", "Tokens of the run", "short",
       "Input positions without padding, of the run so far"},
      {"eta_seconds", gauge, "", "Time to the last step", "s", "Time to the last step at the present speed"},
      {"start_timestamp_seconds", timestamp, "", "Time since the start", "s", "Unix time at which this process began"},
      {"build_info", facts, "", "", "", "Version of the program"},
      {"run_info", facts, "", "", "", "What runs here"},
  };
  return all;
}

const Metric& metric_named(std::string_view name) {
  const auto& all = metric_list();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Metric& metric) { return metric.name == name; });
  ENSURE(found != all.end(), "no metric phalanx_", name, " in the list of metrics");
  return *found;
}

}  // namespace phalanx
