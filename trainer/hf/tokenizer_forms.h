// The forms in which Hugging Face's libraries keep one tokenizer: tokenizer.json, tokenizer_config.json and
// special_tokens_map.json, made of what our own files say.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/tokenizer/bpe_model.h"
#include "data/tokenizer/wordpiece_model.h"
#include "trainer/hf/tokenizer_files.h"

namespace phalanx::hf {

struct TokenizerForms {
  nlohmann::ordered_json tokenizer, configuration, specials;
};
TokenizerForms forms_of(const data::BpeModel& model, const TokenizerUse& use);
TokenizerForms forms_of(const data::WordPieceModel& model, const TokenizerUse& use);

// The special tokens that masked language modelling gives a part to: "cls_token" -> "[CLS]" or "<s>", as far as the
// tokenizer has them.
struct Role {
  const char* key;
  std::string text;
  data::TokenId id = 0;
};
std::vector<Role> masked_roles(const std::vector<data::Tokenizer::Special>& specials);

// What both kinds share.
nlohmann::ordered_json added_tokens(const std::vector<data::Tokenizer::Special>& specials);
void add_common(const std::vector<data::Tokenizer::Special>& specials, const TokenizerUse& use,
                nlohmann::ordered_json& configuration);

// The post-processor that puts [CLS] and [SEP] around one text, and a [SEP] between two, or two of RoBERTa's; null
// where the tokenizer lacks them. The second text has token type 1 where the model has segments.
nlohmann::ordered_json framing(const std::vector<Role>& roles, const TokenizerUse& use);

}  // namespace phalanx::hf
