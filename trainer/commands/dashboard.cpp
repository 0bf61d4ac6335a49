// phalanx dashboard: the live page for runs of any state, from their metrics.jsonl; several are drawn over one another.
#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/check.h"
#include "core/host.h"
#include "core/log.h"
#include "parallel/runtime.h"
#include "trainer/commands/command.h"
#include "trainer/metrics/grafana.h"
#include "trainer/metrics/page/live_page.h"
#include "trainer/signals.h"

namespace phalanx::commands {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> runs;
  std::string address = "127.0.0.1";
  int port = 9465;
  bool grafana = false;
};

// A run is named by its folder or by its metrics.jsonl.
std::string metrics_of(const std::string& run) {
  std::string path = fs::is_directory(run) ? (fs::path(run) / "metrics.jsonl").string() : run;
  require_usage(fs::exists(path), path, " does not exist; a RUN is a run folder, or the metrics.jsonl in it");
  return path;
}

config::Address address_of(const Options& options) {
  const auto address = config::parse_address(config::to_string({options.address, options.port}));
  require_usage(address.has_value(), "--address: ", options.address, " is no IPv4 or IPv6 address");
  return *address;
}

int serve(const Options& options) {
  install_stop_signals();
  std::vector<std::shared_ptr<RunFollower>> runs;
  for (const std::string& run : options.runs) {
    runs.push_back(std::make_shared<RunFollower>(metrics_of(run)));
    runs.back()->require_readable();
  }
  HttpServer server(address_of(options), "--port");
  add_live_page(server, std::move(runs));
  log::info("live page: http://", config::to_string(server.address()), "/; from elsewhere: ssh -L ",
            server.address().port, ":", config::to_string(server.address()), " ", host_name(), "; ^C ends it");
  while (!stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return 0;
}

int run(const Options& options) {
  if (options.grafana) {
    std::cout << grafana_dashboard();
    return 0;
  }
  require_usage(!options.runs.empty(), "RUN is required: run folders, or their metrics.jsonl");
  return serve(options);
}

}  // namespace

void add_dashboard(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("dashboard", "Serve the live page of runs, finished or running, overlaid");
  command->add_option("RUN", options->runs, "run folders, or their metrics.jsonl");
  command->add_option("--port", options->port, "0: a free one")->check(CLI::Range(0, 65535))->capture_default_str();
  command->add_option("--address", options->address, "to listen on; 0.0.0.0: all of this host")->capture_default_str();
  command->add_flag("--grafana", options->grafana, "print the dashboard for Grafana instead, which needs no RUN");
  command->callback([options, &selection] {
    selection.run = [options](Runtime& runtime) { return runtime.world_rank() == 0 ? run(*options) : 0; };
  });
}

}  // namespace phalanx::commands
