// phalanx preflight: under mpirun, is this cluster ready for this job?
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "parallel/runtime.h"
#include "trainer/commands/command.h"
#include "trainer/commands/options.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/config/validate.h"
#include "trainer/preflight/checks.h"
#include "trainer/threads.h"

namespace phalanx::commands {
namespace {

using Json = nlohmann::ordered_json;
using preflight::Finding;
using preflight::Outcome;

struct Options {
  ConfigOptions config;
  bool json = false;
};

void print_json(const std::vector<Finding>& findings, bool ready) {
  Json checks = Json::array();
  for (const Finding& f : findings) {
    checks.push_back({{"check", f.check}, {"outcome", preflight::name_of(f.outcome)}, {"text", f.text}});
  }
  std::cout << Json{{"ready", ready}, {"checks", checks}}.dump(-1, ' ', false, Json::error_handler_t::replace)
            << std::endl;
}

void print_text(const std::vector<Finding>& findings, bool ready) {
  for (const Finding& f : findings)
    std::cout << preflight::name_of(f.outcome) << "  " << f.check << ": " << f.text << '\n';
  std::cout << (ready ? "ready" : "not ready") << std::endl;
}

int run(const Options& options, const Runtime& runtime) {
  const int threads = set_threads(runtime);
  config::Config config = config::load(options.config.path, options.config.overrides);
  config = config::resolve_sizes(config, runtime.world_size());
  config::require_valid(config, runtime.world_size());
  const std::vector<Finding> findings = preflight::check_all(config, threads, runtime);
  const bool ready =
      std::none_of(findings.begin(), findings.end(), [](const Finding& f) { return f.outcome == Outcome::failure; });
  if (runtime.world_rank() == 0) options.json ? print_json(findings, ready) : print_text(findings, ready);
  return ready ? 0 : 1;
}

}  // namespace

void add_preflight(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "preflight", "Under mpirun, before a long job: is every rank ready for it? Exit status 1 when a check fails");
  add_config_options(*command, options->config);
  command->add_flag("--json", options->json, "print one JSON object on standard output");
  command->callback(
      [options, &selection] { selection.run = [options](Runtime& runtime) { return run(*options, runtime); }; });
}

}  // namespace phalanx::commands
