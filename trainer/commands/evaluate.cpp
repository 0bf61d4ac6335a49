// phalanx evaluate: the loss of a checkpoint on the validation data, against uniform and unigram baselines.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <memory>

#include "data/dataset_info.h"
#include "trainer/agree.h"
#include "trainer/build.h"
#include "trainer/commands/command.h"
#include "trainer/commands/options.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/config/validate.h"
#include "trainer/device.h"
#include "trainer/evaluation.h"
#include "trainer/load_state.h"
#include "trainer/resume.h"
#include "trainer/threads.h"
#include "trainer/trainer.h"

namespace phalanx::commands {
namespace {

struct Options {
  ConfigOptions config;
  std::string checkpoint;
  bool json = false;
};

// Token counts of the training data; empty when a source does not tell.
std::vector<std::int64_t> training_counts(const config::Config& config) {
  std::vector<std::int64_t> counts;
  for (const config::Source& source : config.data.train) {
    const std::vector<std::int64_t> more = data::read_dataset_info(source.path).unigram_counts;
    if (more.empty()) return {};
    counts.resize(std::max(counts.size(), more.size()));
    for (std::size_t i = 0; i < more.size(); ++i) counts[i] += more[i];
  }
  return counts;
}

EvaluationReport evaluate(const config::Config& config, const checkpoint::Manifest& manifest, const Runtime& runtime) {
  const Grid grid = grid_of(config, runtime.world_size());
  const Device device = choose_device(config.run.device, runtime);
  const Runtime::Axes axes = open_axes(runtime, grid, device, config);
  ReplicaOptions options = replica_options(config, grid, runtime.world_rank(), device);
  options.training = false;
  std::unique_ptr<Replica> replica;
  std::vector<Batch> batches;
  std::vector<std::int64_t> counts;
  on_every_rank(runtime.world(), [&] {
    replica = std::make_unique<Replica>(options, *axes.data, *axes.tensor, evaluation_workload(batch_shape(config)));
    batches = validation_batches(config, options);
    counts = training_counts(config);
  });
  load_state(*replica, manifest, checkpoint::Parts::weights, runtime.world());
  Trainer trainer(config, *replica, {&runtime.world(), axes.data.get()}, 0);
  const ValidationStats stats = trainer.evaluate(batches);
  double unigram = unigram_loss_sum(batches, counts, config.model.vocabulary.value);
  axes.data->all_reduce(host_tensor(&unigram, {1}), Reduce::sum, {});
  return {.loss = stats.loss,
          .token_loss = stats.token_loss,
          .token_accuracy = stats.token_accuracy,
          .perplexity = std::exp(stats.token_loss),
          .tokens = stats.tokens,
          .pairs = stats.pairs,
          .sentence_loss = stats.sentence_loss,
          .sentence_accuracy = stats.sentence_accuracy,
          .uniform_loss = std::log(static_cast<double>(config.model.vocabulary.value)),
          .unigram_loss =
              counts.empty() ? std::numeric_limits<double>::quiet_NaN() : unigram / static_cast<double>(stats.tokens),
          .seconds = stats.seconds};
}

// `config` with the model of a checkpoint. A model key that CONFIG sets otherwise is a UsageError naming it.
config::Config with_model_of(const config::Config& config, const checkpoint::Manifest& manifest) {
  config::Config wanted = config;
  if (wanted.model.vocabulary.is_auto()) {
    wanted.model.vocabulary =
        config::parse(manifest.provenance.config_yaml, manifest.folder + " (configuration)", {}).model.vocabulary;
  }
  require_same_model(manifest, wanted);
  return wanted;
}

int run(const Options& options, const Runtime& runtime) {
  set_threads(runtime);
  checkpoint::Manifest manifest;
  on_every_rank(runtime.world(),
                [&] { manifest = checkpoint::read_manifest(checkpoint::resolve(options.checkpoint)); });
  config::Config config = config::load(options.config.path, options.config.overrides);
  config = with_model_of(config::resolve_sizes(config, runtime.world_size()), manifest);
  config::require_valid(config, runtime.world_size());
  if (config.data.validation.empty()) throw UsageError("data.validation is empty: there is nothing to evaluate on");
  on_every_rank(runtime.world(), [&] {
    data::require_same_tokenizer({str("data.validation (", config.data.validation, ")"),
                                  data::read_dataset_info(config.data.validation).tokenizer_digest},
                                 {manifest.folder, manifest.provenance.tokenizer_digest});
  });
  const EvaluationReport report = evaluate(config, manifest, runtime);
  if (report.tokens == 0) {
    throw UsageError(str("data.validation (", config.data.validation, ") has no window of model.context (",
                         config.model.context, ") + 1 tokens"));
  }
  if (runtime.world_rank() == 0) std::cout << (options.json ? to_json(report) : to_text(report)) << '\n';
  return 0;
}

}  // namespace

void add_evaluate(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("evaluate", "Loss of a checkpoint on data.validation, beside two baselines");
  add_config_options(*command, options->config);
  command->add_option("--checkpoint", options->checkpoint, "checkpoint folder, or a run folder for its newest one")
      ->required();
  command->add_flag("--json", options->json, "print one JSON object on standard output");
  command->callback(
      [options, &selection] { selection.run = [options](Runtime& runtime) { return run(*options, runtime); }; });
}

}  // namespace phalanx::commands
