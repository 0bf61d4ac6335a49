// phalanx train: the command line of a training run; the run itself is in training_job.h.
#include <CLI/CLI.hpp>
#include <memory>

#include "trainer/agree.h"
#include "trainer/commands/command.h"
#include "trainer/commands/options.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/config/validate.h"
#include "trainer/threads.h"
#include "trainer/training_job.h"
#include "trainer/vocabulary.h"

namespace phalanx::commands {
namespace {

struct Options {
  ConfigOptions config;
  StartRequest start;
};

int run(const Options& options, const Runtime& runtime) {
  const int threads = set_threads(runtime);
  config::Config config = config::load(options.config.path, options.config.overrides);
  config = config::resolve_sizes(config, runtime.world_size());
  config::require_valid(config, runtime.world_size());
  on_every_rank(runtime.world(), [&] { config = with_vocabulary_of_data(config); });
  TrainingJob(config, options.start, runtime, threads).run();
  return 0;
}

}  // namespace

void add_train(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("train", "Train a model; under mpirun on all its ranks");
  add_config_options(*command, options->config);
  auto* resume = command->add_option("--resume", options->start.resume,
                                     "auto: go on from the newest good checkpoint of run.output, if there is one; "
                                     "none: begin anew, refused where run.output holds a run; or a checkpoint folder");
  resume->capture_default_str();
  command->add_option("--init", options->start.init, "begin a new run from the weights of this checkpoint")
      ->excludes(resume);
  command->callback(
      [options, &selection] { selection.run = [options](Runtime& runtime) { return run(*options, runtime); }; });
}

}  // namespace phalanx::commands
