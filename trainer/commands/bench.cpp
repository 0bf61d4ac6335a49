// phalanx bench step: how fast a configuration trains on this machine, on random tokens.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/random.h"
#include "model/ops/gemm_peak.h"
#include "trainer/build.h"
#include "trainer/commands/command.h"
#include "trainer/commands/options.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/config/validate.h"
#include "trainer/device.h"
#include "trainer/threads.h"
#include "trainer/trainer.h"

namespace phalanx::commands {
namespace {

struct Options {
  ConfigOptions config;
  int steps = 10;
  bool json = false;
};

constexpr int kWarmUpSteps = 2;

// Random targets of sequence b, at the ends of equal parts of it.
void fill_targets(const RandomKey& key, std::int64_t V, std::size_t b, Batch& batch) {
  const auto T = static_cast<std::size_t>(batch.T);
  const auto P = static_cast<std::size_t>(batch.P);
  for (std::size_t p = 0; p < P; ++p) {
    const std::size_t t = (p + 1) * T / P - 1;
    batch.targets[b * P + p] = static_cast<std::int32_t>(random_u64(key, 2 * t + 1) % static_cast<std::uint64_t>(V));
    if (!batch.slots.empty()) batch.slots[b * P + p] = static_cast<std::int32_t>(b * T + t);
  }
}

// Micro-batches of uniform random tokens, each window one document.
data::StepBatch random_step(const config::Config& c, const ReplicaOptions& replica) {
  data::StepBatch step;
  const std::int64_t mine = c.training.global_batch / replica.grid.data;
  for (std::int64_t begin = 0; begin < mine; begin += sequences_at_once(c)) {
    Batch batch = empty_batch(batch_shape(c));
    for (std::size_t b = 0; b < static_cast<std::size_t>(batch.B); ++b) {
      const std::int64_t sequence = replica.coord.data * mine + begin + static_cast<std::int64_t>(b);
      batch.sequences[b] = sequence;
      const RandomKey key{c.run.seed, Purpose::benchmark_tokens, 0, static_cast<std::uint64_t>(sequence)};
      for (std::size_t t = 0; t < static_cast<std::size_t>(batch.T); ++t) {
        const std::size_t i = b * static_cast<std::size_t>(batch.T) + t;
        const auto V = static_cast<std::uint64_t>(c.model.vocabulary.value);
        batch.tokens[i] = static_cast<std::int32_t>(random_u64(key, 2 * t) % V);
        batch.positions[i] = static_cast<std::int32_t>(t);
        batch.document_begin[i] = 0;
        batch.document_end[i] = batch.T;
        if (!batch.token_types.empty()) batch.token_types[i] = 2 * t < static_cast<std::size_t>(batch.T) ? 0 : 1;
      }
      fill_targets(key, c.model.vocabulary.value, b, batch);
      if (!batch.next_sentence.empty()) batch.next_sentence[b] = static_cast<std::int32_t>(sequence % 2);
    }
    batch.predicted = std::int64_t{batch.B} * batch.P;
    batch.predicted_pairs = static_cast<std::int64_t>(batch.next_sentence.size());
    step.predicted += batch.predicted;
    step.predicted_pairs += batch.predicted_pairs;
    step.tokens += std::int64_t{batch.B} * batch.T;
    step.micro.push_back(std::move(batch));
  }
  return step;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

// Medians over the timed steps.
struct Report {
  double step_seconds = 0;
  double tokens_per_second = 0;
  double flops_per_second = 0;
  double peak_flops = 0;
  PhaseClock::Seconds phase_seconds{};
  std::int64_t memory_bytes = 0;
};

Report measure(const config::Config& config, int steps, const Runtime& runtime) {
  const Grid grid = grid_of(config, runtime.world_size());
  const Device device = choose_device(config.run.device, runtime);
  const Runtime::Axes axes = open_axes(runtime, grid, device, config);
  const ReplicaOptions options = replica_options(config, grid, runtime.world_rank(), device);
  Replica replica(options, *axes.data, *axes.tensor, training_workload(batch_shape(config)));
  replica.fill_initial_values();
  Report report;
  runtime.world().barrier();
  report.peak_flops = ops::measure_gemm_peak(replica.context().exec, options.dtype);
  runtime.world().all_reduce(host_tensor(&report.peak_flops, {1}), Reduce::sum, {});
  Trainer trainer(config, replica, {&runtime.world(), axes.data.get()}, report.peak_flops);
  const data::StepBatch batch = random_step(config, options);
  std::vector<double> seconds;
  std::array<std::vector<double>, kPhaseNames.size()> phases;
  for (int s = 0; s < kWarmUpSteps + steps; ++s) {
    const StepStats stats = trainer.step(batch, 0);
    if (s < kWarmUpSteps) continue;
    seconds.push_back(stats.step_seconds);
    for (std::size_t p = 0; p < phases.size(); ++p) phases[p].push_back(stats.phase_seconds[p]);
    report.flops_per_second = stats.flops_per_second * stats.step_seconds;  // FLOP of one step
  }
  report.step_seconds = median(seconds);
  report.flops_per_second /= report.step_seconds;
  report.tokens_per_second =
      static_cast<double>(config.training.global_batch * config.model.context) / report.step_seconds;
  for (std::size_t p = 0; p < phases.size(); ++p) report.phase_seconds[p] = median(phases[p]);
  for (const ArenaBytes& arena : replica.memory().bytes()) report.memory_bytes += arena.planned;
  return report;
}

void print(const Report& r, bool json, const config::Config& config) {
  const double share = r.flops_per_second / r.peak_flops;
  if (json) {
    nlohmann::json out = {{"step_seconds", r.step_seconds},         {"tokens_per_second", r.tokens_per_second},
                          {"model_flops_utilization_ratio", share}, {"flops_per_second", r.flops_per_second},
                          {"gemm_peak_flops", r.peak_flops},        {"memory_bytes_per_rank", r.memory_bytes},
                          {"reproducible", config.run.reproducible}};
    for (std::size_t p = 0; p < kPhaseNames.size(); ++p) out["phase_seconds"][kPhaseNames[p]] = r.phase_seconds[p];
    std::cout << out.dump() << '\n';
    return;
  }
  std::cout << fmt::format(
      "{:.0f} tokens/s, {:.1f} ms/step, {:.1f} GFLOP/s = {:.1f} % of the measured {} GEMM peak ({:.1f} GFLOP/s)\n",
      r.tokens_per_second, 1e3 * r.step_seconds, 1e-9 * r.flops_per_second, 100 * share, config.training.precision,
      1e-9 * r.peak_flops);
  std::cout << "phases (ms):";
  for (std::size_t p = 0; p < kPhaseNames.size(); ++p) {
    std::cout << fmt::format(" {} {:.1f}", kPhaseNames[p], 1e3 * r.phase_seconds[p]);
  }
  std::cout << fmt::format("; arenas {:.0f} MiB per rank; reproducible: {}\n",
                           static_cast<double>(r.memory_bytes) / (1 << 20), config.run.reproducible);
}

int run_step(const Options& options, const Runtime& runtime) {
  set_threads(runtime);
  config::Config config = config::load(options.config.path, options.config.overrides);
  config.training.phases.clear();  // one step of model.context and training.global_batch
  config.training.batch_ramp = {};
  config = config::resolve_sizes(config, runtime.world_size());
  config::require_valid(config, runtime.world_size(), config::DataUse::unused);
  if (config.model.vocabulary.is_auto()) {
    throw UsageError(
        "model.vocabulary is auto; a benchmark reads no data, so give a number: --set model.vocabulary=50257");
  }
  const Report report = measure(config, options.steps, runtime);
  if (runtime.world_rank() == 0) print(report, options.json, config);
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine");
  bench->require_subcommand(1);
  CLI::App* step = bench->add_subcommand("step", "Training steps of a configuration, on random tokens");
  add_config_options(*step, options->config);
  step->add_option("--steps", options->steps, "timed steps; medians are printed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  step->add_flag("--json", options->json, "print one JSON object on standard output");
  step->callback(
      [options, &selection] { selection.run = [options](Runtime& runtime) { return run_step(*options, runtime); }; });
}

}  // namespace phalanx::commands
