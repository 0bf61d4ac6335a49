// phalanx attention: what each layer and head attends to in a text, as numbers or as a picture.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "data/masked_lm.h"
#include "data/utf8.h"
#include "trainer/attention_map.h"
#include "trainer/commands/command.h"
#include "trainer/inference.h"
#include "trainer/mask_filler.h"
#include "trainer/resume.h"
#include "trainer/threads.h"

namespace phalanx::commands {
namespace {

struct Options {
  std::string checkpoint, text, output;
  std::int64_t layer = -1, head = -1;
};

enum class Kind : std::uint8_t { json, svg, png };

Kind kind_of(const std::string& output) {
  const std::string ending = std::filesystem::path(output).extension();
  if (ending == ".json") return Kind::json;
  if (ending == ".svg") return Kind::svg;
  if (ending == ".png") return Kind::png;
  throw UsageError(str("--output ", output, ": the name must end with .json, .svg or .png"));
}

std::vector<std::int32_t> ids_of(const checkpoint::Manifest& manifest, const data::Tokenizer& tokenizer,
                                 const std::string& text) {
  if (stored_config(manifest).objective.type == "masked_lm") {
    return masked_sequence(tokenizer, data::masked_vocabulary(tokenizer, manifest.provenance.tokenizer_folder), text);
  }
  std::vector<std::int32_t> ids;
  tokenizer.encode(text, ids);
  return ids;
}

// A token may be part of a character: its bytes are then shown as numbers.
std::string label_of(const data::Tokenizer& tokenizer, std::int32_t id) {
  std::string text = tokenizer.token_text(id);
  if (data::is_utf8(text)) return text;
  std::string bytes;
  for (const char c : text) bytes += fmt::format("<{:02X}>", static_cast<unsigned char>(c));
  return bytes;
}

std::string to_json(const std::vector<AttentionMap>& maps, const std::vector<std::int32_t>& ids,
                    const std::vector<std::string>& tokens) {
  nlohmann::ordered_json json = {{"ids", ids}, {"tokens", tokens}, {"maps", nlohmann::ordered_json::array()}};
  for (const AttentionMap& map : maps) {
    std::vector<std::vector<float>> rows;
    for (std::int64_t t = 0; t < map.weights->T; ++t) {
      const std::span<const float> row = map.weights->row(map.head, t);
      rows.emplace_back(row.begin(), row.end());
    }
    json["maps"].push_back({{"layer", map.layer}, {"head", map.head}, {"weights", rows}});
  }
  return json.dump() + '\n';
}

int run(const Options& options, const Runtime& runtime) {
  const Kind kind = kind_of(options.output);
  if (runtime.world_size() > 1) throw UsageError("attention runs on one rank: start it without mpirun");
  set_threads(runtime);
  const checkpoint::Manifest manifest = checkpoint::read_manifest(checkpoint::resolve(options.checkpoint));
  const std::unique_ptr<data::Tokenizer> tokenizer = open_tokenizer(manifest, "attention");
  const std::vector<std::int32_t> ids = ids_of(manifest, *tokenizer, options.text);
  const AttentionProbe probe = attention_of(manifest, runtime, ids);
  const std::vector<AttentionMap> maps = choose_maps(probe, options.layer, options.head);
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const std::int32_t id : ids) tokens.push_back(label_of(*tokenizer, id));
  const auto picture = kind == Kind::svg ? PictureKind::svg : PictureKind::png;
  replace_text(options.output, kind == Kind::json ? to_json(maps, ids, tokens) : draw_attention(maps, tokens, picture));
  std::cout << fmt::format("{}: {} map(s) of {} tokens\n", options.output, maps.size(), ids.size());
  return 0;
}

}  // namespace

void add_attention(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("attention", "Show what the layers and heads of a checkpoint attend to in a text");
  command->add_option("--checkpoint", options->checkpoint, "checkpoint folder, or a run folder for its newest one")
      ->required();
  command->add_option("--text", options->text, "text to look at; [MASK] is the mask of a masked language model")
      ->required();
  command->add_option("--layer", options->layer, "layer, from 0 (default: all)")->check(CLI::NonNegativeNumber);
  command->add_option("--head", options->head, "head, from 0 (default: all)")->check(CLI::NonNegativeNumber);
  command->add_option("--output", options->output, "file to write: .json (numbers), .svg or .png (heat map)")
      ->required();
  command->callback(
      [options, &selection] { selection.run = [options](Runtime& runtime) { return run(*options, runtime); }; });
}

}  // namespace phalanx::commands
