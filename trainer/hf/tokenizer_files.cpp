#include "trainer/hf/tokenizer_files.h"

#include <array>
#include <filesystem>

#include "core/check.h"
#include "core/file.h"
#include "data/tokenizer/bpe_files.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/tokenizer_json.h"
#include "data/tokenizer/wordpiece_files.h"
#include "trainer/hf/json_files.h"
#include "trainer/hf/tokenizer_forms.h"

namespace phalanx::hf {
namespace {

namespace fs = std::filesystem;

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

bool has_vocabulary(const std::string& folder) { return fs::exists(folder + "/vocab.txt"); }

data::BpeModel read_bpe(const std::string& folder) {
  return has_pair(folder) ? data::read_bpe_files(folder) : data::read_bpe_json(data::TokenizerJson(folder));
}

data::WordPieceModel read_wordpiece(const std::string& folder) {
  return has_vocabulary(folder) ? data::read_wordpiece_files(folder)
                                : data::read_wordpiece_json(data::TokenizerJson(folder));
}

SpecialIds ids_of(const data::Tokenizer& tokenizer) {
  SpecialIds ids;
  if (tokenizer.end_of_text() >= 0) ids.end_of_text = tokenizer.end_of_text();
  for (const Role& role : masked_roles(tokenizer.special_tokens())) {
    const std::string key = role.key;
    if (key == "pad_token") ids.pad = role.id;
    if (key == "cls_token") ids.cls = role.id;
    if (key == "sep_token") ids.sep = role.id;
  }
  return ids;
}

TokenizerFacts facts_of(const data::Tokenizer& tokenizer) {
  return {ids_of(tokenizer), tokenizer.vocabulary(), tokenizer.digest()};
}

}  // namespace

TokenizerFacts write_tokenizer(const std::string& from, const std::string& to, const TokenizerUse& use) {
  const auto tokenizer = data::load_tokenizer(from);
  const bool wordpiece = tokenizer->kind() == "wordpiece";
  ENSURE(use.masked || !wordpiece, from, ": a GPT-2 needs byte-level BPE, found wordpiece");
  tokenizer->save(to);
  for (const char* name : {"vocab.json", "merges.txt", "vocab.txt"}) {
    if (fs::exists(str(from, "/", name)) && fs::exists(str(to, "/", name))) copy(from, to, name);
  }
  const TokenizerForms forms = wordpiece ? forms_of(read_wordpiece(from), use) : forms_of(read_bpe(from), use);
  write_json(to + "/tokenizer.json", forms.tokenizer);
  write_json(to + "/tokenizer_config.json", forms.configuration);
  write_json(to + "/special_tokens_map.json", forms.specials);
  TokenizerFacts facts = facts_of(*tokenizer);
  ENSURE(data::load_tokenizer(to)->digest() == facts.digest, to, ": the tokenizer that was written is not the one of ",
         from);
  return facts;
}

std::optional<TokenizerFacts> copy_tokenizer(const std::string& from, const std::string& to) {
  if (!has_pair(from) && !fs::exists(from + "/tokenizer.json") && !has_vocabulary(from)) return std::nullopt;
  fs::create_directories(to);
  for (const char* name : kFiles) {
    if (fs::exists(str(from, "/", name))) copy(from, to, name);
  }
  return facts_of(*data::load_tokenizer(to));
}

}  // namespace phalanx::hf
