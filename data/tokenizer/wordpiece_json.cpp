// tokenizer.json of Hugging Face's tokenizers library, as far as it is BERT's WordPiece.
#include <nlohmann/json.hpp>

#include "data/tokenizer/bert_words.h"
#include "data/tokenizer/tokenizer_json.h"
#include "data/tokenizer/wordpiece_files.h"

namespace phalanx::data {
namespace {

using nlohmann::json;

BertTextOptions read_normalizer(const TokenizerJson& file) {
  const json& normalizer = file.member(file.root(), "normalizer");
  file.need(!normalizer.is_null(), "has no normalizer; BertNormalizer was expected");
  const std::string type = file.type_of(normalizer, "the normalizer");
  file.need(type == "BertNormalizer", "normalizer ", type, " is not supported; BertNormalizer is");
  const auto is_on = [&](const char* key, bool otherwise) {
    return file.switch_of(normalizer, "normalizer", key, otherwise);
  };
  file.need(is_on("clean_text", true), "normalizer.clean_text is false; text is always cleaned as BERT does it");
  BertTextOptions text;
  text.lower_case = is_on("lowercase", true);
  text.strip_accents = is_on("strip_accents", text.lower_case);
  text.space_ideographs = is_on("handle_chinese_chars", true);
  return text;
}

void check_pre_tokenizer(const TokenizerJson& file) {
  const json& pre_tokenizer = file.member(file.root(), "pre_tokenizer");
  file.need(!pre_tokenizer.is_null(), "has no pre_tokenizer; BertPreTokenizer was expected");
  const std::string type = file.type_of(pre_tokenizer, "the pre_tokenizer");
  file.need(type == "BertPreTokenizer", "pre_tokenizer ", type, " is not supported; BertPreTokenizer is");
}

void check_model(const TokenizerJson& file) {
  const json& model = file.member(file.root(), "model");
  const auto need_value = [&](const char* key, const json& expected) {
    const json& found = file.member(model, key);
    file.need(found.is_null() || found == expected, "model.", key, " is ", found.dump(),
              "; WordPiece as BERT does it has ", expected.dump());
  };
  need_value("unk_token", kUnknownToken);
  need_value("continuing_subword_prefix", kContinuation);
  need_value("max_input_chars_per_word", BertWords::kLongest);
}

}  // namespace

WordPieceModel read_wordpiece_json(const TokenizerJson& file) {
  check_model(file);
  const BertTextOptions text = read_normalizer(file);
  check_pre_tokenizer(file);
  ClaimedVocabulary vocabulary;
  std::vector<std::string> added;
  file.read_vocabulary(vocabulary, added);
  for (const std::string& token : added) {
    file.need(is_bert_special(token), "added token '", token, "' is not one of BERT's; such are not supported");
  }
  return check_wordpiece(vocabulary, text);
}

}  // namespace phalanx::data
