// phalanx checkpoint diff: where two checkpoints of one model differ, tensor by tensor.
#include "trainer/commands/checkpoint_diff.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/check.h"
#include "parallel/runtime.h"
#include "trainer/checkpoint/compare.h"
#include "trainer/config/load.h"
#include "trainer/resume.h"
#include "trainer/threads.h"

namespace phalanx::commands {
namespace {

using Json = nlohmann::ordered_json;
using checkpoint::Comparison;
using checkpoint::kKinds;
using checkpoint::Manifest;

struct Options {
  std::array<std::string, 2> paths;
  bool json = false;
};

config::Config config_of(const Manifest& manifest) {
  return config::parse(manifest.provenance.config_yaml, manifest.folder + " (configuration)", {});
}

void refuse_other_model(const Manifest& a, const Manifest& b) {
  std::string keys;
  for (const config::Difference& d : model_differences(config_of(a), config_of(b))) {
    keys += str("\n  ", d.key, ": ", d.old_value, " in the first, ", d.new_value, " in the second");
  }
  if (!keys.empty()) throw UsageError(str("these are different models, ", a.folder, " and ", b.folder, ":", keys));
}

std::string digests(const StateDigest& digest, bool moments) {
  std::string text = "master " + digest_text(digest.master);
  if (moments) text += str(", m ", digest_text(digest.m), ", v ", digest_text(digest.v));
  return text;
}

std::string headline(const char* name, const Manifest& manifest, const StateDigest& digest, bool moments) {
  return str(name, "  step ", manifest.progress.step, "  ", digests(digest, moments), "  ", manifest.folder);
}

// A line for every tensor that differs; the kinds that were not compared or do not differ are left out.
void print_text(const Manifest& a, const Manifest& b, const Comparison& found) {
  std::cout << headline("a", a, found.a, found.moments) << '\n' << headline("b", b, found.b, found.moments) << '\n';
  std::size_t differing = 0;
  for (const checkpoint::TensorDifference& tensor : found.tensors) {
    if (tensor.equal()) continue;
    ++differing;
    std::cout << tensor.name << ' ' << to_string(tensor.shape) << ':';
    for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
      const checkpoint::KindDifference& d = tensor.kinds[kind];
      if (d.differing == 0) continue;
      std::cout << fmt::format("  {}: {} of {} differ, by at most {:.9g}", kKinds[kind], d.differing,
                               tensor.shape.count(), d.largest);
    }
    std::cout << '\n';
  }
  if (a.moments != b.moments) std::cout << "only " << (a.moments ? 'a' : 'b') << " holds moments\n";
  std::cout << (differing == 0 ? str("all ", found.tensors.size(), " tensors are equal, bit for bit")
                               : str(differing, " of ", found.tensors.size(), " tensors differ"))
            << std::endl;
}

Json side(const Manifest& manifest, const StateDigest& digest, bool moments) {
  Json json = {{"path", manifest.folder},
               {"step", manifest.progress.step},
               {"moments", manifest.moments},
               {"digest", {{"master", digest_text(digest.master)}}}};
  if (moments) json["digest"].update({{"m", digest_text(digest.m)}, {"v", digest_text(digest.v)}});
  return json;
}

Json difference_json(const checkpoint::KindDifference& d) {
  Json json = {{"differing", d.differing}, {"max_difference", d.largest}};
  if (!std::isfinite(d.largest)) {
    json["max_difference"] = nullptr;
    json["non_finite"] = {"max_difference"};
  }
  return json;
}

void print_json(const Manifest& a, const Manifest& b, const Comparison& found, bool equal) {
  Json tensors = Json::array();
  for (const checkpoint::TensorDifference& tensor : found.tensors) {
    std::vector<std::int64_t> shape;
    shape.reserve(static_cast<std::size_t>(tensor.shape.dims()));
    for (int d = 0; d < tensor.shape.dims(); ++d) shape.push_back(tensor.shape[d]);
    Json json = {{"name", tensor.name}, {"shape", shape}, {"elements", tensor.shape.count()}};
    for (std::size_t kind = 0; kind < (found.moments ? kKinds.size() : 1); ++kind) {
      json[kKinds[kind]] = difference_json(tensor.kinds[kind]);
    }
    tensors.push_back(std::move(json));
  }
  const Json all = {{"equal", equal},
                    {"a", side(a, found.a, found.moments)},
                    {"b", side(b, found.b, found.moments)},
                    {"tensors", tensors}};
  // A path may hold bytes that are no UTF-8; JSON cannot.
  std::cout << all.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
}

int diff(const Options& options) {
  const Manifest a = checkpoint::read_manifest(options.paths[0]);
  const Manifest b = checkpoint::read_manifest(options.paths[1]);
  refuse_other_model(a, b);
  const Comparison found = checkpoint::compare(a, b);
  const bool equal = found.equal() && a.moments == b.moments;
  options.json ? print_json(a, b, found, equal) : print_text(a, b, found);
  return equal ? 0 : 1;
}

}  // namespace

void add_checkpoint_diff(CLI::App& checkpoint, Selection& selection) {
  CLI::App* command = checkpoint.add_subcommand(
      "diff",
      "Compare masters and moments of two checkpoints of any layouts, tensor by tensor; exit status 0 when "
      "every bit is equal, 1 when not");
  const auto options = std::make_shared<Options>();
  command->add_option("A", options->paths[0], "a checkpoint, or a run folder for its newest one")->required();
  command->add_option("B", options->paths[1], "another one of the same model")->required();
  command->add_flag("--json", options->json, "print one JSON object on standard output");
  command->callback([&selection, options] {
    selection.run = [options](Runtime& runtime) {
      Options found = *options;
      for (std::string& path : found.paths) path = checkpoint::resolve(path);  // bad usage is bad usage on all ranks
      if (runtime.world_rank() != 0) return 0;
      set_threads(runtime);
      return diff(found);
    };
  });
}

}  // namespace phalanx::commands
