// Options that several commands share, and how a configuration is completed from data or checkpoint.
#pragma once

#include <string>
#include <vector>

#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/config.h"

namespace CLI {
class App;
}

namespace phalanx::commands {

// CONFIG and --set.
struct ConfigOptions {
  std::string path;
  std::vector<std::string> overrides;
};
void add_config_options(CLI::App& command, ConfigOptions& options);

// model.vocabulary, where it is auto, from the training data. Throws UsageError when the data holds ids beyond it.
config::Config with_vocabulary_of_data(config::Config config);

// `config` with the model of a checkpoint. A model key that CONFIG sets otherwise is a UsageError naming it.
config::Config with_model_of(const config::Config& config, const checkpoint::Manifest& manifest);

}  // namespace phalanx::commands
