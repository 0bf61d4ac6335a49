#include "trainer/hf/tokenizer_files.h"

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/file.h"
#include "data/tokenizer/bpe_files.h"
#include "data/tokenizer/byte_alphabet.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/tokenizer_json.h"
#include "trainer/hf/json_files.h"

namespace phalanx::hf {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kLargestFile = std::int64_t{256} << 20;  // bytes
constexpr std::array<const char*, 7> kFiles = {
    "vocab.json",       "merges.txt", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json"};

bool has_pair(const std::string& folder) {
  return fs::exists(folder + "/vocab.json") && fs::exists(folder + "/merges.txt");
}

void copy(const std::string& from, const std::string& to, const char* name) {
  write_text(str(to, "/", name), read_text(str(from, "/", name), kLargestFile));
}

data::BpeModel read_model(const std::string& folder) {
  return has_pair(folder) ? data::read_bpe_files(folder) : data::read_bpe_json(data::TokenizerJson(folder));
}

Json added_token(const std::string& text) {
  return {{"content", text}, {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false},  {"special", true}};
}

// Texts by id, as vocabularies write them: bytes in GPT-2's alphabet, special tokens as they are.
std::vector<std::string> texts_of(const data::BpeModel& model) {
  std::vector<std::string> texts;
  for (const std::string& bytes : model.tokens) texts.push_back(data::to_alphabet(bytes));
  for (const auto& [text, id] : model.specials) texts[static_cast<std::size_t>(id)] = text;
  return texts;
}

Json byte_level(bool trim_offsets) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", trim_offsets}, {"use_regex", true}};
}

Json tokenizer_json(const data::BpeModel& model) {
  const std::vector<std::string> texts = texts_of(model);
  Json added = Json::array();
  for (const auto& [text, id] : model.specials) {
    Json token = {{"id", id}};
    token.update(added_token(text));
    added.push_back(std::move(token));
  }
  Json vocabulary = Json::object();
  auto& entries = vocabulary.get_ref<Json::object_t&>();  // as a list: looking each name up first would take its square
  for (std::size_t id = 0; id < texts.size(); ++id) entries.emplace_back(texts[id], id);
  Json merges = Json::array();
  for (const auto& merge : model.merges) {
    merges.push_back({texts[static_cast<std::size_t>(merge.left)], texts[static_cast<std::size_t>(merge.right)]});
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level(true)},
          {"post_processor", byte_level(false)},
          {"decoder", byte_level(true)},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", std::move(vocabulary)},
            {"merges", std::move(merges)}}}};
}

// GPT-2 begins, ends and replaces what is unknown by one token.
Json special_roles(const data::BpeModel& model) {
  Json roles = Json::object();
  if (model.end_of_text < 0) return roles;
  const std::string& text = model.tokens[static_cast<std::size_t>(model.end_of_text)];
  for (const char* role : {"bos_token", "eos_token", "unk_token"}) roles[role] = text;
  return roles;
}

Json tokenizer_config(const data::BpeModel& model, std::int64_t model_max_length) {
  Json config = {{"tokenizer_class", "GPT2Tokenizer"},
                 {"add_prefix_space", false},
                 {"clean_up_tokenization_spaces", false},
                 {"errors", "replace"},
                 {"model_max_length", model_max_length}};
  for (const auto& [text, id] : model.specials) config["added_tokens_decoder"][std::to_string(id)] = added_token(text);
  config.update(special_roles(model));
  return config;
}

TokenizerFacts facts_of(const data::Tokenizer& tokenizer) {
  TokenizerFacts facts{{}, tokenizer.vocabulary(), tokenizer.digest()};
  if (tokenizer.end_of_text() >= 0) facts.end_of_text = tokenizer.end_of_text();
  return facts;
}

}  // namespace

TokenizerFacts write_tokenizer(const std::string& from, const std::string& to, std::int64_t model_max_length) {
  const auto tokenizer = data::load_tokenizer(from);
  ENSURE(tokenizer->kind() == "bpe", from, ": a GPT-2 needs byte-level BPE, found ", tokenizer->kind());
  const data::BpeModel model = read_model(from);
  tokenizer->save(to);
  if (has_pair(from)) {
    for (const char* name : {"vocab.json", "merges.txt"}) copy(from, to, name);
  }
  write_json(to + "/tokenizer.json", tokenizer_json(model));
  write_json(to + "/tokenizer_config.json", tokenizer_config(model, model_max_length));
  write_json(to + "/special_tokens_map.json", special_roles(model));
  TokenizerFacts facts = facts_of(*tokenizer);
  ENSURE(data::load_tokenizer(to)->digest() == facts.digest, to, ": the tokenizer that was written is not the one of ",
         from);
  return facts;
}

std::optional<TokenizerFacts> copy_tokenizer(const std::string& from, const std::string& to) {
  if (!has_pair(from) && !fs::exists(from + "/tokenizer.json") && !fs::exists(from + "/vocab.txt")) return std::nullopt;
  fs::create_directories(to);
  for (const char* name : kFiles) {
    if (fs::exists(str(from, "/", name))) copy(from, to, name);
  }
  return facts_of(*data::load_tokenizer(to));
}

}  // namespace phalanx::hf
