// phalanx checkpoint list|verify: which checkpoints there are, and whether every byte of them is as it was written.
// The third verb, diff, is in checkpoint_diff.cpp.
#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/clock.h"
#include "parallel/runtime.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/commands/checkpoint_diff.h"
#include "trainer/commands/command.h"

namespace phalanx::commands {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> paths;
  bool json = false;
};

// A path is a checkpoint, a checkpoints folder or a run folder; all checkpoints in it are meant.
std::vector<std::string> folders_of(const std::vector<std::string>& paths) {
  std::vector<std::string> folders;
  for (const std::string& path : paths) {
    if (fs::exists(path + "/manifest.json")) {
      folders.push_back(path);
      continue;
    }
    std::vector<checkpoint::Entry> entries = checkpoint::list(path);
    if (entries.empty()) entries = checkpoint::list(path + "/checkpoints");
    if (entries.empty()) throw UsageError(str(path, ": no checkpoint is in it"));
    for (const checkpoint::Entry& entry : entries) folders.push_back(entry.folder);
  }
  return folders;
}

std::int64_t bytes_of(const checkpoint::Manifest& manifest) {
  std::int64_t bytes = 0;
  for (const checkpoint::StoredFile& file : manifest.files) bytes += file.checksum.bytes;
  return bytes;
}

Json summary(const checkpoint::Manifest& manifest) {
  const checkpoint::Progress& progress = manifest.progress;
  const checkpoint::Provenance& provenance = manifest.provenance;
  Json json = {{"path", manifest.folder},
               {"step", progress.step},
               {"tokens", progress.tokens_consumed},
               {"sequences", progress.sequences_consumed},
               {"loss", progress.loss},
               {"parameters", parameter_count(manifest.table)},
               {"moments", manifest.moments},
               {"data_ranks", provenance.data_ranks},
               {"tensor_ranks", provenance.tensor_ranks},
               {"precision", provenance.precision},
               {"files", manifest.files.size()},
               {"bytes", bytes_of(manifest)}};
  if (!std::isfinite(progress.loss)) {
    json["loss"] = nullptr;
    json["non_finite"] = {"loss"};
  }
  return json;
}

std::string mebibytes(std::int64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / (1 << 20) << " MiB";
  return text.str();
}

std::string line_of(const checkpoint::Manifest& manifest) {
  const checkpoint::Progress& progress = manifest.progress;
  return str("step ", progress.step, "  tokens ", progress.tokens_consumed, "  loss ", progress.loss, "  ",
             manifest.provenance.data_ranks, " x ", manifest.provenance.tensor_ranks, " ranks  ",
             manifest.provenance.precision, "  ", mebibytes(bytes_of(manifest)), "  ", manifest.folder);
}

// What both verbs do: say something of each checkpoint, and go on when one is damaged. Returns the exit status.
// options.paths: checkpoint folders.
template <class Describe>
int for_each(const Options& options, Describe&& describe) {
  Json all = Json::array();
  int damaged = 0;
  for (const std::string& folder : options.paths) {
    try {
      auto [json, line] = describe(checkpoint::read_manifest(folder));
      all.push_back(std::move(json));
      if (!options.json) std::cout << line << std::endl;
    } catch (const Error& error) {
      ++damaged;
      all.push_back({{"path", folder}, {"intact", false}, {"error", error.what()}});
      if (!options.json) std::cout << "DAMAGED  " << folder << "\n  " << error.what() << std::endl;
    }
  }
  // A path may hold bytes that are no UTF-8; JSON cannot.
  if (options.json) {
    std::cout << Json{{"checkpoints", all}, {"damaged", damaged}}.dump(-1, ' ', false, Json::error_handler_t::replace)
              << std::endl;
  }
  return damaged == 0 ? 0 : 1;
}

int list(const Options& options) {
  return for_each(options,
                  [](const checkpoint::Manifest& manifest) { return std::pair(summary(manifest), line_of(manifest)); });
}

int verify(const Options& options) {
  return for_each(options, [](const checkpoint::Manifest& manifest) {
    const auto begin = Clock::now();
    checkpoint::verify(manifest);
    const double seconds = seconds_since(begin);
    Json json = summary(manifest);
    json["intact"] = true;
    json["seconds"] = seconds;
    return std::pair(std::move(json), "intact   " + line_of(manifest));
  });
}

void add_verb(CLI::App& parent, const char* name, const char* help, int (*verb)(const Options&), Selection& selection) {
  CLI::App* command = parent.add_subcommand(name, help);
  const auto options = std::make_shared<Options>();
  command->add_option("PATH", options->paths, "checkpoints, run folders, or their checkpoints/")->required();
  command->add_flag("--json", options->json, "print one JSON object on standard output");
  command->callback([&selection, options, verb] {
    selection.run = [options, verb](Runtime& runtime) {
      const Options found{folders_of(options->paths), options->json};  // on all ranks: bad usage is bad usage on all
      return runtime.world_rank() == 0 ? verb(found) : 0;
    };
  });
}

}  // namespace

void add_checkpoint(CLI::App& app, Selection& selection) {
  CLI::App* checkpoint = app.add_subcommand("checkpoint", "Look at checkpoints");
  checkpoint->require_subcommand(1);
  add_verb(*checkpoint, "list", "Print step, tokens, loss, layout and size of each checkpoint", list, selection);
  add_verb(*checkpoint, "verify", "Read every file against its checksums; exit status 1 when one is damaged", verify,
           selection);
  add_checkpoint_diff(*checkpoint, selection);
}

}  // namespace phalanx::commands
