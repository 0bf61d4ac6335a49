// phalanx fill: what a masked-LM checkpoint expects at each [MASK] of a text.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "trainer/agree.h"
#include "trainer/commands/command.h"
#include "trainer/inference.h"
#include "trainer/mask_filler.h"
#include "trainer/threads.h"

namespace phalanx::commands {
namespace {

struct Options {
  std::string checkpoint;
  std::string text;
  std::int64_t top = 5;
  bool json = false;
};

using Predictions = std::vector<std::vector<Prediction>>;

std::string to_text(const Predictions& predictions, const data::Tokenizer& tokenizer) {
  std::string text;
  for (std::size_t m = 0; m < predictions.size(); ++m) {
    text += fmt::format("[MASK] {}:", m + 1);
    for (const Prediction& p : predictions[m]) {
      text += fmt::format("   {} {:.1f} %", tokenizer.token_text(p.token), 100.0 * p.probability);
    }
    text += '\n';
  }
  return text;
}

std::string to_json(const Predictions& predictions, const data::Tokenizer& tokenizer) {
  nlohmann::json masks = nlohmann::json::array();
  for (const auto& mask : predictions) {
    nlohmann::json tokens = nlohmann::json::array();
    for (const Prediction& p : mask) {
      tokens.push_back({{"id", p.token}, {"token", tokenizer.token_text(p.token)}, {"probability", p.probability}});
    }
    masks.push_back(std::move(tokens));
  }
  return nlohmann::json{{"masks", masks}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

int run(const Options& options, const Runtime& runtime) {
  set_threads(runtime);
  checkpoint::Manifest manifest;
  std::unique_ptr<data::Tokenizer> tokenizer;
  data::MaskedVocabulary vocabulary;
  std::vector<std::int32_t> ids;
  on_every_rank(runtime.world(), [&] {
    manifest = checkpoint::read_manifest(checkpoint::resolve(options.checkpoint));
    tokenizer = open_tokenizer(manifest, "fill");
    vocabulary = data::masked_vocabulary(*tokenizer, manifest.provenance.tokenizer_folder);
    ids = masked_sequence(*tokenizer, vocabulary, options.text);
  });
  const MaskFiller filler(manifest, runtime, ids, vocabulary.mask);
  const Predictions predictions = filler.predict(options.top);
  if (runtime.world_rank() == 0) {
    std::cout << (options.json ? to_json(predictions, *tokenizer) : to_text(predictions, *tokenizer));
  }
  return 0;
}

}  // namespace

void add_fill(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("fill", "Predict the masked tokens of a text with a masked-LM checkpoint");
  command->add_option("--checkpoint", options->checkpoint, "checkpoint folder, or a run folder for its newest one")
      ->required();
  command->add_option("--text", options->text, "text with one or more [MASK]")->required();
  command->add_option("--top", options->top, "tokens to print for each mask")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24))
      ->capture_default_str();
  command->add_flag("--json", options->json, "print one JSON object on standard output");
  command->callback(
      [options, &selection] { selection.run = [options](Runtime& runtime) { return run(*options, runtime); }; });
}

}  // namespace phalanx::commands
