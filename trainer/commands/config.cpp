// phalanx config show: every key with value, default, unit and meaning.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "parallel/runtime.h"
#include "trainer/commands/command.h"
#include "trainer/commands/options.h"
#include "trainer/config/load.h"
#include "trainer/config/show.h"

namespace phalanx::commands {

void add_config(CLI::App& app, Selection& selection) {
  CLI::App* config = app.add_subcommand("config", "Look at configurations");
  config->require_subcommand(1);
  CLI::App* show = config->add_subcommand("show", "Print every key: value, default, unit, meaning");
  const auto options = std::make_shared<ConfigOptions>();
  add_config_options(*show, *options);
  show->get_option("CONFIG")->required(false);
  show->callback([&selection, options] {
    selection.run = [options](Runtime& runtime) {
      const std::string table = config::show(config::load(options->path, options->overrides));
      if (runtime.world_rank() == 0) std::cout << table << std::flush;
      return 0;
    };
  });
}

}  // namespace phalanx::commands
