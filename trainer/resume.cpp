#include "trainer/resume.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "trainer/agree.h"
#include "trainer/config/load.h"

namespace phalanx {
namespace {

namespace fs = std::filesystem;

// Keys whose change makes another run. Dropout and initialisation are part of the model as trained.
constexpr std::array<std::string_view, 4> kFrozen = {"model.", "objective.", "run.seed", "data."};
// Of those, the ones that change nothing in what is computed, and data.train, whose content is compared by its digest:
// the same data may lie elsewhere.
constexpr std::array<std::string_view, 3> kFree = {"data.validation", "data.prefetch", "data.train"};

constexpr std::array<std::string_view, 1> kModel = {"model."};
// Of those, the ones that other weights may have been made with.
constexpr std::array<std::string_view, 3> kNoShape = {"model.dropout", "model.attention_dropout", "model.init_std"};

bool starts_with_any(std::string_view key, const auto& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view p) { return key.substr(0, p.size()) == p; });
}

void require_empty(const std::string& checkpoints, const config::Config& config) {
  for (const std::string& trace : {checkpoints, config.run.output + "/metrics.jsonl"}) {
    if (!fs::exists(trace) || fs::is_empty(trace)) continue;
    throw UsageError(str("run.output (", config.run.output,
                         ") holds a run already; choose another folder, or --resume auto to go on with it"));
  }
}

// `config` with the sizes that it leaves to the program, as for the ranks that made the checkpoint.
config::Config with_sizes(const checkpoint::Manifest& manifest, const config::Config& config) {
  return config::resolve_sizes(config, manifest.provenance.data_ranks * manifest.provenance.tensor_ranks);
}

// The checkpoint to go on from; empty: begin anew.
std::string chosen_checkpoint(const StartRequest& request, const config::Config& config, Communicator& world) {
  const std::string checkpoints = config.run.output + "/checkpoints";
  if (request.resume == "auto") return checkpoint::find_latest(checkpoints, world).value_or("");
  std::string chosen;
  on_rank_zero(world, [&] {
    if (request.resume == "none") {
      require_empty(checkpoints, config);
    } else {
      chosen = checkpoint::resolve(request.resume);
    }
  });
  return share_text(world, chosen);
}

}  // namespace

config::Config stored_config(const checkpoint::Manifest& manifest) {
  return with_sizes(manifest, config::parse(manifest.provenance.config_yaml, manifest.folder + " (configuration)", {}));
}

StartPoint find_start(const StartRequest& request, const config::Config& config, Communicator& world) {
  if (!request.init.empty() && request.resume != "auto") {
    throw UsageError("--init starts a new run; it cannot be combined with --resume");
  }
  const std::string resume = chosen_checkpoint(request, config, world);
  if (!resume.empty() && !request.init.empty()) {
    throw UsageError(str("--init begins a new run, but run.output (", config.run.output, ") holds one already (",
                         resume, "); choose another run.output"));
  }
  std::string init;
  on_rank_zero(world, [&] {
    if (!request.init.empty()) init = checkpoint::resolve(request.init);
  });
  init = share_text(world, init);
  StartPoint start;
  on_every_rank(world, [&] {
    if (!resume.empty()) start.resume = checkpoint::read_manifest(resume);
    if (!init.empty()) start.init = checkpoint::read_manifest(init);
  });
  return start;
}

std::vector<std::string> check_resume(const checkpoint::Manifest& manifest, const config::Config& config,
                                      const DataIdentity& identity) {
  const config::Config old = stored_config(manifest);
  std::string refused;
  std::vector<std::string> changed;
  for (const config::Difference& d : config::diff(old, with_sizes(manifest, config))) {
    const std::string line = str(d.key, ": ", d.old_value, " -> ", d.new_value);
    if (starts_with_any(d.key, kFrozen) && !starts_with_any(d.key, kFree)) {
      refused += "\n  " + line;
    } else {
      changed.push_back(line);
    }
  }
  if (identity.tokenizer_digest != manifest.provenance.tokenizer_digest) {
    refused += "\n  data.train: another tokenizer than the run began with";
  } else if (identity.data_digest != manifest.provenance.data_digest) {
    refused += "\n  data.train: other data than the run began with";
  }
  if (!refused.empty()) {
    throw UsageError(str("cannot resume ", manifest.folder, ": these would make it another run:", refused,
                         "\nset them back, or start a new run from its weights: --init ", manifest.folder,
                         " with another run.output"));
  }
  return changed;
}

std::vector<config::Difference> model_differences(const config::Config& old_config, const config::Config& new_config) {
  std::vector<config::Difference> differences = config::diff(old_config, new_config);
  std::erase_if(differences, [](const config::Difference& d) {
    return !starts_with_any(d.key, kModel) || starts_with_any(d.key, kNoShape);
  });
  return differences;
}

void require_same_model(const checkpoint::Manifest& manifest, const config::Config& config) {
  const config::Config stored = stored_config(manifest);
  std::string differing;
  for (const config::Difference& d : model_differences(stored, config)) {
    differing += str("\n  ", d.key, ": checkpoint ", d.old_value, ", configuration ", d.new_value);
  }
  if (!differing.empty()) throw UsageError(str(manifest.folder, " holds another model:", differing));
}

void require_unfinished(const checkpoint::Progress& progress, const config::Config& config) {
  if (progress.step < config.training.steps) return;
  throw UsageError(str("this run is finished: ", progress.step, " of training.steps (", config.training.steps,
                       ") are done in run.output (", config.run.output,
                       "); raise training.steps to go on, or choose another run.output for a new run"));
}

}  // namespace phalanx
