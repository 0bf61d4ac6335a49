// Byte-level BPE, as GPT-2 and RoBERTa keep it.
#include "data/tokenizer/byte_alphabet.h"
#include "trainer/hf/tokenizer_forms.h"

namespace phalanx::hf {
namespace {

using Json = nlohmann::ordered_json;

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

Json model_json(const data::BpeModel& model) {
  const std::vector<std::string> texts = texts_of(model);
  Json vocabulary = Json::object();
  auto& entries = vocabulary.get_ref<Json::object_t&>();  // as a list: looking each name up first would take its square
  for (std::size_t id = 0; id < texts.size(); ++id) entries.emplace_back(texts[id], id);
  Json merges = Json::array();
  for (const auto& merge : model.merges) {
    merges.push_back({texts[static_cast<std::size_t>(merge.left)], texts[static_cast<std::size_t>(merge.right)]});
  }
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false},
          {"vocab", std::move(vocabulary)},
          {"merges", std::move(merges)}};
}

Json tokenizer_json(const data::BpeModel& model, const TokenizerUse& use) {
  const Json frame = use.masked ? framing(masked_roles(model.specials), use) : Json(nullptr);
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added_tokens(model.specials)},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level(true)},
          {"post_processor", frame.is_null() ? byte_level(false) : frame},
          {"decoder", byte_level(true)},
          {"model", model_json(model)}};
}

// GPT-2 begins, ends and replaces what is unknown by one token.
Json special_roles(const data::BpeModel& model, const TokenizerUse& use) {
  Json roles = Json::object();
  if (model.end_of_text >= 0) {
    const std::string& text = model.tokens[static_cast<std::size_t>(model.end_of_text)];
    for (const char* role : {"bos_token", "eos_token", "unk_token"}) roles[role] = text;
  }
  if (!use.masked) return roles;
  for (const Role& role : masked_roles(model.specials)) roles[role.key] = role.text;
  if (roles.contains("cls_token") && roles.contains("bos_token")) roles["bos_token"] = roles["cls_token"];
  return roles;
}

}  // namespace

TokenizerForms forms_of(const data::BpeModel& model, const TokenizerUse& use) {
  const Json roles = special_roles(model, use);
  const bool roberta = use.masked && roles.contains("cls_token");
  Json configuration = {{"tokenizer_class", roberta ? "RobertaTokenizer" : "GPT2Tokenizer"},
                        {"add_prefix_space", false},
                        {"errors", "replace"}};
  if (roberta) configuration["trim_offsets"] = true;
  add_common(model.specials, use, configuration);
  configuration.update(roles);
  return {tokenizer_json(model, use), configuration, roles};
}

}  // namespace phalanx::hf
