// phalanx plan: the memory of every rank of a job, before there is a machine to run it on.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "core/check.h"
#include "parallel/runtime.h"
#include "trainer/commands/command.h"
#include "trainer/commands/options.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/config/validate.h"
#include "trainer/plan/report.h"
#include "trainer/threads.h"
#include "trainer/vocabulary.h"

namespace phalanx::commands {
namespace {

constexpr int kMostRanks = 65536;

struct Options {
  ConfigOptions config;
  int ranks = 1;
  int ranks_per_host = 0;
  std::string device;
  bool json = false;
};

// model.vocabulary, where it is auto, from data that is on this machine.
config::Config with_vocabulary(const config::Config& config) {
  if (!config.model.vocabulary.is_auto()) return config;
  const auto is_here = [](const config::Source& source) { return std::filesystem::exists(source.path); };
  const auto& sources = config.data.train;
  if (sources.empty() || !std::all_of(sources.begin(), sources.end(), is_here)) {
    throw UsageError(
        "model.vocabulary is auto and the data of data.train is not here; give a number: --set "
        "model.vocabulary=50257");
  }
  return with_vocabulary_of_data(config);
}

std::string device_of(const Options& options, const config::Config& config) {
  if (!options.device.empty()) return options.device;
  return config.run.device == "cpu" ? "cpu" : "h100";
}

int run(const Options& options, const Runtime& runtime) {
  const int on_host = std::min(options.ranks_per_host > 0 ? options.ranks_per_host : options.ranks, options.ranks);
  set_threads_among(on_host);
  config::Config config = config::load(options.config.path, options.config.overrides);
  config::require_valid(config::resolve_sizes(config, options.ranks), options.ranks, config::DataUse::unused);
  config = with_vocabulary(config);
  plan::Report report{config.run.name, plan::find_target(device_of(options, config), on_host), {}, {}};
  report.job = plan::plan_job(config::resolve_sizes(config, options.ranks), options.ranks, report.target);
  if (!report.job.fits()) report.advice = plan::advise(config, options.ranks, report.target, report.job);
  if (runtime.world_rank() == 0) {
    std::cout << (options.json ? plan::to_json(report) + '\n' : plan::to_text(report)) << std::flush;
  }
  return report.job.fits() ? 0 : 1;
}

}  // namespace

void add_plan(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "plan",
      "The memory that each rank of a training job will allocate, measured by the code that allocates it; needs no "
      "GPU and allocates nothing. Exit status 1 when the job does not fit, with the settings that make it fit");
  add_config_options(*command, options->config);
  command->add_option("--ranks", options->ranks, "ranks that the job will have")
      ->required()
      ->check(CLI::Range(1, kMostRanks));
  command
      ->add_option("--device", options->device,
                   "what each rank will compute on; default: cpu where run.device is cpu, else h100")
      ->check(CLI::IsMember(plan::target_names()));
  command
      ->add_option("--ranks-per-host", options->ranks_per_host,
                   "for --device cpu: ranks that share the memory and cores of a host like this one; default: all")
      ->check(CLI::Range(1, kMostRanks));
  command->add_flag("--json", options->json, "print one JSON object on standard output");
  command->callback(
      [options, &selection] { selection.run = [options](Runtime& runtime) { return run(*options, runtime); }; });
}

}  // namespace phalanx::commands
