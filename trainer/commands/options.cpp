#include "trainer/commands/options.h"

#include <CLI/CLI.hpp>

#include "data/dataset_info.h"
#include "trainer/config/load.h"
#include "trainer/resume.h"

namespace phalanx::commands {

void add_config_options(CLI::App& command, ConfigOptions& options) {
  command.add_option("CONFIG", options.path, "YAML file; `phalanx config show` lists every key")->required();
  command.add_option("--set", options.overrides, "override a key: --set training.steps=100 (repeatable)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

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

config::Config with_model_of(const config::Config& config, const checkpoint::Manifest& manifest) {
  config::Config wanted = config;
  if (wanted.model.vocabulary.is_auto()) {
    wanted.model.vocabulary =
        config::parse(manifest.provenance.config_yaml, manifest.folder + " (configuration)", {}).model.vocabulary;
  }
  require_same_model(manifest, wanted);
  return wanted;
}

}  // namespace phalanx::commands
