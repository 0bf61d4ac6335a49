#include "trainer/commands/options.h"

#include <CLI/CLI.hpp>

namespace phalanx::commands {

void add_config_options(CLI::App& command, ConfigOptions& options) {
  command.add_option("CONFIG", options.path, "YAML file; `phalanx config show` lists every key")->required();
  command.add_option("--set", options.overrides, "override a key: --set training.steps=100 (repeatable)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace phalanx::commands
