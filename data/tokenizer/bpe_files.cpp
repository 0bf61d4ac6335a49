// GPT-2's files: vocab.json, merges.txt, tokenizer_config.json.
#include "data/tokenizer/bpe_files.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/file.h"
#include "data/tokenizer/byte_alphabet.h"
#include "data/tokenizer/tokenizer_files.h"

namespace phalanx::data {
namespace {

using nlohmann::json;

void read_vocabulary(const std::string& path, BpeClaims& claims) {
  const json vocabulary = read_json_file(path);
  if (!vocabulary.is_object()) throw Error(str(path, ": must be an object of tokens and ids"));
  claims.vocabulary.place = path;
  claims.vocabulary.entries.reserve(vocabulary.size());
  for (const auto& [text, id] : vocabulary.items()) {
    if (!id.is_number_integer()) throw Error(str(path, ": the id of token '", text, "' is not an integer"));
    claims.vocabulary.entries.push_back({text, id.get<std::int64_t>()});
  }
}

// One merge per line, two tokens with a space between; the first line may be "#version: ...".
void read_merges(const std::string& path, BpeClaims& claims) {
  const std::string text = read_text(path, kLargestTokenizerFile);
  claims.merges_place = path;
  std::int64_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const std::size_t space = line.find(' ');
    const bool two = space != std::string::npos && space > 0 && space + 1 < line.size() &&
                     line.find(' ', space + 1) == std::string::npos;
    if (!two) throw Error(str(path, ":", number, ": expected two tokens with one space between, found '", line, "'"));
    claims.merges.push_back({line.substr(0, space), line.substr(space + 1), str(path, ":", number)});
  }
}

// Empty where it is not written as text.
std::string token_text(const json& token) {
  const json content = token_content(token);
  return content.is_string() ? content.get<std::string>() : "";
}

void read_configuration(const std::string& path, BpeClaims& claims) {
  if (!std::filesystem::exists(path)) return;
  const json configuration = read_json_file(path);
  if (!configuration.is_object()) throw Error(str(path, ": must be an object"));
  if (configuration.contains("added_tokens_decoder")) {
    for (const auto& [id, token] : configuration["added_tokens_decoder"].items()) {
      claims.specials.push_back(token_text(token));
    }
  }
  if (configuration.contains("eos_token")) claims.end_of_text = token_text(configuration["eos_token"]);
}

std::string vocabulary_json(const std::vector<std::string>& texts) {
  std::string out = "{";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    out += (i > 0 ? ", " : "") + json(texts[i]).dump(-1, ' ', true) + ": " + std::to_string(i);
  }
  return out + "}\n";
}

std::string merges_txt(const BpeModel& model, const std::vector<std::string>& texts) {
  std::string out = "#version: 0.2\n";
  for (const auto& merge : model.merges) {
    out += texts[static_cast<std::size_t>(merge.left)] + " " + texts[static_cast<std::size_t>(merge.right)] + "\n";
  }
  return out;
}

std::string configuration_json(const BpeModel& model) {
  nlohmann::ordered_json configuration;
  configuration["tokenizer_class"] = "GPT2Tokenizer";
  configuration["add_prefix_space"] = false;
  for (const auto& [text, id] : model.specials) {
    configuration["added_tokens_decoder"][std::to_string(id)] = {{"content", text},      {"lstrip", false},
                                                                 {"normalized", false},  {"rstrip", false},
                                                                 {"single_word", false}, {"special", true}};
  }
  if (model.end_of_text >= 0) {
    const std::string& end = model.tokens[static_cast<std::size_t>(model.end_of_text)];
    for (const char* key : {"bos_token", "eos_token", "unk_token"}) configuration[key] = end;
  }
  return configuration.dump(2, ' ', true) + "\n";
}

}  // namespace

BpeModel read_bpe_files(const std::string& folder) {
  BpeClaims claims;
  read_vocabulary(in_folder(folder, "vocab.json"), claims);
  read_merges(in_folder(folder, "merges.txt"), claims);
  read_configuration(in_folder(folder, "tokenizer_config.json"), claims);
  return check_bpe(claims);
}

void write_bpe_files(const BpeModel& model, const std::string& folder) {
  std::vector<std::string> texts;
  texts.reserve(model.tokens.size());
  for (const std::string& bytes : model.tokens) texts.push_back(to_alphabet(bytes));
  for (const auto& [text, id] : model.specials) texts[static_cast<std::size_t>(id)] = text;
  replace_text(in_folder(folder, "merges.txt"), merges_txt(model, texts));
  replace_text(in_folder(folder, "tokenizer_config.json"), configuration_json(model));
  replace_text(in_folder(folder, "vocab.json"), vocabulary_json(texts));
}

}  // namespace phalanx::data
