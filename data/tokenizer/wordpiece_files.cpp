// BERT's files: vocab.txt, tokenizer_config.json.
#include "data/tokenizer/wordpiece_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/file.h"
#include "data/tokenizer/tokenizer_files.h"

namespace phalanx::data {
namespace {

using nlohmann::json;

constexpr char kConfiguration[] = "tokenizer_config.json";

// Hugging Face's classes that are BERT's algorithm under another name; what `transformers` calls a tokenizer of no
// class of its own says nothing against it.
constexpr std::array<std::string_view, 8> kBertClasses = {
    "BertTokenizer",        "DistilBertTokenizer", "ElectraTokenizer",        "MobileBertTokenizer",
    "SqueezeBertTokenizer", "LayoutLMTokenizer",   "PreTrainedTokenizerFast", "TokenizersBackend",
};

struct SpecialKey {
  const char* key;
  std::string_view token;
};
constexpr SpecialKey kSpecialKeys[] = {
    {"pad_token", kBertSpecials[0]}, {"unk_token", kBertSpecials[1]},  {"cls_token", kBertSpecials[2]},
    {"sep_token", kBertSpecials[3]}, {"mask_token", kBertSpecials[4]},
};

ClaimedVocabulary read_vocabulary(const std::string& path) {
  const std::string text = read_text(path, kLargestTokenizerFile);
  ClaimedVocabulary vocabulary{.place = path, .entries = {}};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const auto id = static_cast<std::int64_t>(vocabulary.entries.size());
    if (line.empty()) throw Error(str(path, ":", id + 1, ": the line is empty; each line is a token"));
    vocabulary.entries.push_back({std::move(line), id});
  }
  return vocabulary;
}

// tokenizer_config.json; every method throws Error naming the key.
class Configuration {
 public:
  explicit Configuration(std::string path) : path_(std::move(path)), root_(read_json_file(path_)) {
    need(root_.is_object(), "must be an object");
  }

  BertTextOptions read() const {
    check_class();
    check_specials();
    check_added_tokens();
    need(switch_of("do_basic_tokenize", true), "do_basic_tokenize is false; words are always cut as BERT does it");
    need(switch_of("clean_text", true), "clean_text is false; text is always cleaned as BERT does it");
    need(value("never_split").empty(), "never_split is ", value("never_split").dump(), "; it is not supported");
    BertTextOptions text;
    text.lower_case = switch_of("do_lower_case", true);
    text.strip_accents = switch_of("strip_accents", text.lower_case);
    text.space_ideographs = switch_of("tokenize_chinese_chars", true);
    return text;
  }

 private:
  template <class... Args>
  void need(bool holds, const Args&... message) const {
    if (!holds) throw Error(str(path_, ": ", message...));
  }

  json value(const char* key) const { return root_.contains(key) ? root_[key] : json(); }

  bool switch_of(const char* key, bool otherwise) const {
    const json stated = value(key);
    if (stated.is_null()) return otherwise;
    need(stated.is_boolean(), key, " must be true or false, found ", stated.dump());
    return stated.get<bool>();
  }

  void check_class() const {
    const json stated = value("tokenizer_class");
    if (stated.is_null()) return;
    need(stated.is_string(), "tokenizer_class must be a string, found ", stated.dump());
    const auto full = stated.get<std::string>();
    std::string_view name = full;
    const bool known = std::ranges::find(kBertClasses, name) != kBertClasses.end();
    if (!known && name.ends_with("Fast")) name.remove_suffix(4);
    need(std::ranges::find(kBertClasses, name) != kBertClasses.end(), "tokenizer_class ", full,
         " is not supported; BertTokenizer is");
  }

  void check_specials() const {
    for (const auto& [key, token] : kSpecialKeys) {
      const json stated = token_content(value(key));
      need(stated.is_null() || stated == json(token), key, " is ", stated.dump(), "; WordPiece as BERT does it has ",
           token);
    }
  }

  void check_added_tokens() const {
    const json added = value("added_tokens_decoder");
    need(added.is_null() || added.is_object(), "added_tokens_decoder must be an object");
    for (const auto& [id, token] : added.items()) {
      const json text = token_content(token);
      need(text.is_string() && is_bert_special(text.get<std::string>()), "added_tokens_decoder: token ", text.dump(),
           " is not one of BERT's; such are not supported");
    }
  }

  std::string path_;
  json root_;
};

std::string configuration_json(const WordPieceModel& model) {
  nlohmann::ordered_json configuration;
  configuration["tokenizer_class"] = "BertTokenizer";
  configuration["do_lower_case"] = model.text.lower_case;
  configuration["strip_accents"] = model.text.strip_accents;
  configuration["tokenize_chinese_chars"] = model.text.space_ideographs;
  for (const auto& [key, token] : kSpecialKeys) configuration[key] = token;
  return configuration.dump(2, ' ', true) + "\n";
}

}  // namespace

WordPieceModel read_wordpiece_files(const std::string& folder) {
  const ClaimedVocabulary vocabulary = read_vocabulary(in_folder(folder, "vocab.txt"));
  const std::string configuration = in_folder(folder, kConfiguration);
  BertTextOptions text;
  if (std::filesystem::exists(configuration)) text = Configuration(configuration).read();
  return check_wordpiece(vocabulary, text);
}

void write_wordpiece_files(const WordPieceModel& model, const std::string& folder) {
  std::string vocabulary;
  for (const std::string& token : model.tokens) vocabulary += token + "\n";
  replace_text(in_folder(folder, kConfiguration), configuration_json(model));
  replace_text(in_folder(folder, "vocab.txt"), vocabulary);
}

}  // namespace phalanx::data
