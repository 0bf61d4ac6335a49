// phalanx train: the command line of a training run; the run itself is in training_job.h.
#include <CLI/CLI.hpp>
#include <memory>

#include "data/dataset_info.h"
#include "trainer/agree.h"
#include "trainer/commands/command.h"
#include "trainer/commands/options.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/config/validate.h"
#include "trainer/threads.h"
#include "trainer/training_job.h"

namespace phalanx::commands {
namespace {

struct Options {
  ConfigOptions config;
  StartRequest start;
};

// model.vocabulary, where it is auto, from the training data. Throws UsageError when the data holds ids beyond it.
config::Config with_vocabulary_of_data(config::Config config) {
  data::TokenSource first;
  for (const config::Source& source : config.data.train) {
    const data::DatasetInfo info = data::read_dataset_info(source.path);
    const data::TokenSource tokens{"data.train: " + source.path, info.tokenizer_digest};
    if (first.name.empty()) first = {source.path, info.tokenizer_digest};
    data::require_same_tokenizer(tokens, first);
    const std::int64_t needed = info.vocabulary;
    if (config.model.vocabulary.is_auto()) config.model.vocabulary.value = needed;
    if (config.model.vocabulary.value < needed) {
      throw UsageError(str("model.vocabulary (", config.model.vocabulary.value, ") is smaller than that of ",
                           source.path, " (", needed, "); set it to auto or at least ", needed));
    }
  }
  return config;
}

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
