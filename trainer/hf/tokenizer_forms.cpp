#include "trainer/hf/tokenizer_forms.h"

#include <algorithm>

namespace phalanx::hf {
namespace {

using Json = nlohmann::ordered_json;
using Specials = std::vector<data::Tokenizer::Special>;

constexpr const char* kRobertaMask = "<mask>";

// RoBERTa's mask takes the space before it along, as the byte-level words that it stands for do.
Json added_token(const std::string& text) {
  return {{"content", text}, {"single_word", false}, {"lstrip", text == kRobertaMask},
          {"rstrip", false}, {"normalized", false},  {"special", true}};
}

const Role* find(const std::vector<Role>& roles, const std::string& key) {
  const auto found = std::ranges::find_if(roles, [&](const Role& role) { return role.key == key; });
  return found == roles.end() ? nullptr : &*found;
}

}  // namespace

std::vector<Role> masked_roles(const Specials& specials) {
  struct Names {
    const char *key, *bert, *roberta;
  };
  constexpr Names kRoles[] = {{"unk_token", "[UNK]", "<unk>"},
                              {"sep_token", "[SEP]", "</s>"},
                              {"pad_token", "[PAD]", "<pad>"},
                              {"cls_token", "[CLS]", "<s>"},
                              {"mask_token", "[MASK]", kRobertaMask}};
  std::vector<Role> roles;
  for (const Names& role : kRoles) {
    for (const char* name : {role.bert, role.roberta}) {
      const auto found = std::ranges::find(specials, name, &data::Tokenizer::Special::text);
      if (found == specials.end()) continue;
      roles.push_back({role.key, found->text, found->id});
      break;
    }
  }
  return roles;
}

Json added_tokens(const Specials& specials) {
  Json added = Json::array();
  for (const auto& [text, id] : specials) {
    Json token = {{"id", id}};
    token.update(added_token(text));
    added.push_back(std::move(token));
  }
  return added;
}

void add_common(const Specials& specials, const TokenizerUse& use, Json& configuration) {
  configuration["clean_up_tokenization_spaces"] = false;
  configuration["model_max_length"] = use.model_max_length;
  if (use.masked && !use.segments) configuration["model_input_names"] = {"input_ids", "attention_mask"};
  for (const auto& [text, id] : specials) configuration["added_tokens_decoder"][std::to_string(id)] = added_token(text);
}

Json framing(const std::vector<Role>& roles, const TokenizerUse& use) {
  const Role* cls = find(roles, "cls_token");
  const Role* sep = find(roles, "sep_token");
  if (cls == nullptr || sep == nullptr) return nullptr;
  const int second = use.segments ? 1 : 0;
  const auto special = [](const Role* role, int type) {
    return Json{{"SpecialToken", {{"id", role->text}, {"type_id", type}}}};
  };
  const auto text = [](const char* name, int type) { return Json{{"Sequence", {{"id", name}, {"type_id", type}}}}; };
  Json one = Json::array({special(cls, 0), text("A", 0), special(sep, 0)});
  Json two = one;
  if (sep->text == "</s>") two.push_back(special(sep, 0));
  two.push_back(text("B", second));
  two.push_back(special(sep, second));
  Json known = Json::object();
  for (const Role* role : {cls, sep}) {
    known[role->text] = {{"id", role->text}, {"ids", {role->id}}, {"tokens", {role->text}}};
  }
  return {{"type", "TemplateProcessing"},
          {"single", std::move(one)},
          {"pair", std::move(two)},
          {"special_tokens", std::move(known)}};
}

}  // namespace phalanx::hf
