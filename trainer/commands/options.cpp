#include "trainer/commands/options.h"

#include <CLI/CLI.hpp>

#include "data/dataset_info.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"

namespace phalanx::commands {

void add_config_options(CLI::App& command, ConfigOptions& options) {
  command.add_option("CONFIG", options.path, "YAML file; `phalanx config show` lists every key")->required();
  command.add_option("--set", options.overrides, "override a key: --set training.steps=100 (repeatable)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

config::Config with_vocabulary_of_data(config::Config config) {
  for (const config::Source& source : config.data.train) {
    const std::int64_t needed = data::read_dataset_info(source.path).vocabulary;
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
  config::Config stored = config::parse(manifest.provenance.config_yaml, manifest.folder + " (configuration)", {});
  if (wanted.model.vocabulary.is_auto()) wanted.model.vocabulary = stored.model.vocabulary;
  std::string differing;
  for (const config::Difference& d : config::diff(stored, wanted)) {
    if (d.key.rfind("model.", 0) != 0 || d.key.find("dropout") != std::string::npos) continue;
    differing += str("\n  ", d.key, ": checkpoint ", d.old_value, ", configuration ", d.new_value);
  }
  if (!differing.empty()) throw UsageError(str(manifest.folder, " holds another model:", differing));
  return wanted;
}

}  // namespace phalanx::commands
