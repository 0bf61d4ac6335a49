#include "trainer/metrics/metrics.h"

#include <optional>

#include "core/check.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/host.h"
#include "core/log.h"
#include "trainer/metrics/console.h"
#include "trainer/metrics/jsonl.h"
#include "trainer/metrics/page/live_page.h"
#include "trainer/metrics/prometheus.h"
#include "trainer/metrics/tensorboard.h"

namespace phalanx {
namespace {

// metrics.jsonl tells all ranks' seconds so seldom that a step has at most about so many numbers of them.
constexpr std::size_t kRanksPerStep = 64;

double free_bytes_of(const RunFolder& folder) { return static_cast<double>(free_bytes(folder.path())); }

// layer_norms: as the exporter takes them.
TensorBoardWriter::Scalars scalars_of(const StepStats& stats, const std::vector<double>& layer_norms) {
  TensorBoardWriter::Scalars all = {{"train/loss", stats.loss},
                                    {"train/gradient_norm", stats.gradient_norm},
                                    {"train/learning_rate", stats.learning_rate},
                                    {"train/loss_scale", stats.loss_scale},
                                    {"train/tokens", static_cast<double>(stats.tokens)},
                                    {"speed/tokens_per_second", stats.tokens_per_second},
                                    {"speed/model_flops_utilization_ratio", stats.model_flops_utilization_ratio},
                                    {"speed/step_seconds", stats.step_seconds}};
  for (std::size_t p = 0; p < kPhaseNames.size(); ++p) {
    all.emplace_back(str("phase_seconds/", kPhaseNames[p]), stats.phase_seconds[p]);
  }
  for (std::size_t i = 0; i < layer_norms.size(); ++i) {
    all.emplace_back(i == 0 ? "layer_gradient_norm/none" : str("layer_gradient_norm/", i - 1), layer_norms[i]);
  }
  return all;
}

void say_where(const config::Address& address) {
  log::info("live page: http://", reachable(address), "/ (metrics: /metrics); from elsewhere: ssh -L ", address.port,
            ":", reachable(address), " ", host_name());
}

}  // namespace

struct Metrics::State {
  State(const config::Config& config, const RunInfo& run_info, const RunFolder& run_folder)
      : info(run_info),
        folder(run_folder),
        jsonl(run_folder.metrics_path()),
        console(info.steps, config.metrics.console_every, log::progress_terminal()),
        exporter(info) {
    if (config.metrics.tensorboard) tensorboard.emplace(folder.path() + "/tensorboard", unix_seconds());
  }

  // A run that starts from step 0 where an earlier one left no checkpoint: its record begins anew.
  void begin() {
    if (begun) return;
    begun = true;
    if (jsonl.empty()) return;
    jsonl.clear();
    if (tensorboard) tensorboard->resume(0, unix_seconds());
    jsonl.run(info, unix_seconds());
  }

  RunInfo info;
  bool begun = false;
  const RunFolder& folder;
  JsonLines jsonl;
  StepDetail detail;               // of the next step
  std::vector<ArenaBytes> memory;  // as told
  std::int64_t ranks_told = 0;
  Console console;
  PrometheusExporter exporter;
  std::optional<TensorBoardWriter> tensorboard;
  std::vector<double> layer_norms;     // of the next step, for TensorBoard
  std::unique_ptr<HttpServer> server;  // last: its pages read the exporter
};

Metrics::Metrics(const config::Config& config, const RunInfo& info, const RunFolder& folder)
    : state_(std::make_unique<State>(config, info, folder)) {
  State& s = *state_;
  if (s.jsonl.empty()) {
    s.jsonl.run(info, unix_seconds());
    s.begun = true;
  }
  s.exporter.free_bytes(free_bytes_of(folder));
  if (config.metrics.prometheus.empty()) return;
  const auto address = config::parse_address(config.metrics.prometheus);
  if (!address) throw UsageError(str("metrics.prometheus is no address:port: ", config.metrics.prometheus));
  s.server = std::make_unique<HttpServer>(*address);
  s.server->add_page("/metrics", [&exporter = s.exporter, &folder](const HttpRequest&) -> HttpResponse {
    exporter.free_bytes(free_bytes_of(folder));  // others fill the disk too
    return {200, kMetricsContentType, exporter.text()};
  });
  add_live_page(*s.server, {std::make_shared<RunFollower>(folder.metrics_path())});
  folder.write_prometheus_targets({reachable(s.server->address())});
  say_where(s.server->address());
}

Metrics::~Metrics() = default;

void Metrics::on_resume(std::int64_t step, const std::string& checkpoint) {
  state_->begun = true;
  state_->jsonl.truncate_after(step);
  if (state_->jsonl.empty()) state_->jsonl.run(state_->info, unix_seconds());
  state_->jsonl.resume(step, unix_seconds(), checkpoint, state_->info);
  if (state_->tensorboard) state_->tensorboard->resume(step, unix_seconds());
  state_->folder.log_event(str("resumed at step ", step, " from ", checkpoint));
}

void Metrics::on_step(const StepStats& stats) {
  state_->begin();
  state_->jsonl.step(stats, state_->detail);
  state_->detail = {};
  if (stats.skipped) state_->jsonl.skip(stats);
  state_->exporter.step(stats);
  if (state_->tensorboard) {
    state_->tensorboard->scalars(stats.step, stats.time, scalars_of(stats, state_->layer_norms));
  }
  state_->console.step(stats);
}

void Metrics::on_validation(const ValidationStats& stats) {
  state_->begin();
  state_->jsonl.validation(stats);
  state_->exporter.validation(stats);
  if (state_->tensorboard) state_->tensorboard->scalars(stats.step, stats.time, {{"validation/loss", stats.loss}});
  state_->console.validation(stats);
}

void Metrics::on_checkpoint(std::int64_t step, const std::string& path, double seconds, double stall_seconds) {
  const double now = unix_seconds();
  state_->begin();
  state_->jsonl.checkpoint(step, now, path, seconds, stall_seconds);
  state_->exporter.checkpoint(now, seconds, stall_seconds, free_bytes_of(state_->folder));
  state_->console.checkpoint(step, path, seconds, stall_seconds);
}

void Metrics::on_checkpoint_failure(std::int64_t step, const std::string& reason) {
  state_->begin();
  state_->jsonl.checkpoint_failure(step, unix_seconds(), reason);
  state_->exporter.checkpoint_failure(free_bytes_of(state_->folder));
}

void Metrics::set_checkpoint_bytes(std::int64_t bytes) { state_->exporter.checkpoint_plan(static_cast<double>(bytes)); }

void Metrics::on_sign_of_life(int world_rank) { state_->exporter.rank_seen(world_rank, unix_seconds()); }

void Metrics::set_memory(const std::vector<ArenaBytes>& arenas) {
  state_->exporter.memory(arenas);
  if (arenas == state_->memory) return;
  state_->memory = state_->detail.memory = arenas;
}

void Metrics::set_usage(const std::vector<Communicator::Usage>& totals) { state_->exporter.usage(totals); }

void Metrics::set_layer_gradient_norms(const std::vector<double>& norms) {
  state_->exporter.layer_gradient_norms(norms);
  if (state_->tensorboard) state_->layer_norms = norms;
}

void Metrics::set_rank_seconds(const std::vector<double>& seconds, double time) {
  for (std::size_t r = 0; r < seconds.size(); ++r) state_->exporter.rank(static_cast<int>(r), seconds[r], time);
  const auto every = static_cast<std::int64_t>(1 + seconds.size() / kRanksPerStep);
  if (state_->ranks_told++ % every == 0) state_->detail.rank_step_seconds = seconds;
}

HttpServer* Metrics::server() { return state_->server.get(); }

}  // namespace phalanx
