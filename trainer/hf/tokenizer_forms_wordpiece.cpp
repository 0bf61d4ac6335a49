// WordPiece, as BERT keeps it.
#include "data/tokenizer/bert_words.h"
#include "trainer/hf/tokenizer_forms.h"

namespace phalanx::hf {
namespace {

using Json = nlohmann::ordered_json;

Json normalizer(const data::BertTextOptions& text) {
  return {{"type", "BertNormalizer"},
          {"clean_text", true},
          {"handle_chinese_chars", text.space_ideographs},
          {"strip_accents", text.strip_accents},
          {"lowercase", text.lower_case}};
}

Json model_json(const data::WordPieceModel& model) {
  Json vocabulary = Json::object();
  auto& entries = vocabulary.get_ref<Json::object_t&>();  // as a list: looking each name up first would take its square
  for (std::size_t id = 0; id < model.tokens.size(); ++id) entries.emplace_back(model.tokens[id], id);
  return {{"type", "WordPiece"},
          {"unk_token", data::kUnknownToken},
          {"continuing_subword_prefix", data::kContinuation},
          {"max_input_chars_per_word", data::BertWords::kLongest},
          {"vocab", std::move(vocabulary)}};
}

}  // namespace

TokenizerForms forms_of(const data::WordPieceModel& model, const TokenizerUse& use) {
  const std::vector<Role> roles = masked_roles(model.specials);
  Json specials = Json::object();
  for (const Role& role : roles) specials[role.key] = role.text;
  Json configuration = {{"tokenizer_class", "BertTokenizer"},
                        {"do_lower_case", model.text.lower_case},
                        {"strip_accents", model.text.strip_accents},
                        {"tokenize_chinese_chars", model.text.space_ideographs}};
  add_common(model.specials, use, configuration);
  configuration.update(specials);
  return {{{"version", "1.0"},
           {"truncation", nullptr},
           {"padding", nullptr},
           {"added_tokens", added_tokens(model.specials)},
           {"normalizer", normalizer(model.text)},
           {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
           {"post_processor", framing(roles, use)},
           {"decoder", {{"type", "WordPiece"}, {"prefix", data::kContinuation}, {"cleanup", true}}},
           {"model", model_json(model)}},
          configuration,
          specials};
}

}  // namespace phalanx::hf
