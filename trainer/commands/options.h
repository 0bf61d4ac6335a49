// Options that several commands share.
#pragma once

#include <string>
#include <vector>

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

}  // namespace phalanx::commands
