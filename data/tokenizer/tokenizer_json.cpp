#include "data/tokenizer/tokenizer_json.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/tokenizer/tokenizer_files.h"

namespace phalanx::data {

using nlohmann::json;

TokenizerJson::TokenizerJson(const std::string& folder)
    : path_((std::filesystem::path(folder) / "tokenizer.json").string()),
      root_(std::make_unique<json>(read_json_file(path_))) {
  need(root_->is_object(), "must be an object");
}

TokenizerJson::~TokenizerJson() = default;

const json& TokenizerJson::member(const json& object, const char* key) const {
  static const json null;
  need(object.is_object(), "an object was expected around '", key, "'");
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string TokenizerJson::type_of(const json& object, const char* what) const {
  const json& type = member(object, "type");
  need(type.is_string(), what, " has no type");
  return type.get<std::string>();
}

bool TokenizerJson::switch_of(const json& object, const char* what, const char* key, bool otherwise) const {
  const json& value = member(object, key);
  if (value.is_null()) return otherwise;
  need(value.is_boolean(), what, ".", key, " must be true or false, found ", value.dump());
  return value.get<bool>();
}

// Files of the library's first versions state no type; only BPE had merges, and only WordPiece a prefix alone.
std::string TokenizerJson::model_type() const {
  const json& model = member(*root_, "model");
  need(model.is_object(), "has no model");
  if (model.contains("type")) return type_of(model, "the model");
  if (model.contains("merges")) return "BPE";
  if (model.contains("max_input_chars_per_word")) return "WordPiece";
  return type_of(model, "the model");
}

void TokenizerJson::read_vocabulary(ClaimedVocabulary& vocabulary, std::vector<std::string>& specials) const {
  vocabulary.place = path_ + ": model.vocab";
  const json& entries = member(member(*root_, "model"), "vocab");
  need(entries.is_object(), "model.vocab must be an object of tokens and ids");
  for (const auto& [text, id] : entries.items()) {
    need(id.is_number_integer(), "model.vocab: the id of token '", text, "' is not an integer");
    vocabulary.entries.push_back({text, id.get<std::int64_t>()});
  }
  const json& added = member(*root_, "added_tokens");
  if (added.is_null()) return;
  need(added.is_array(), "added_tokens must be a list");
  for (const json& token : added) {
    const json& content = member(token, "content");
    const json& id = member(token, "id");
    need(content.is_string() && id.is_number_integer(), "an added token needs content and id, found ", token.dump());
    const auto text = content.get<std::string>();
    need(member(token, "special") == json(true), "added token '", text, "' is not special; such are not supported");
    specials.push_back(text);
    const auto known = entries.find(text);
    if (known == entries.end()) vocabulary.entries.push_back({text, id.get<std::int64_t>()});
    need(known == entries.end() || *known == id, "added token '", text, "' has another id in model.vocab");
  }
}

}  // namespace phalanx::data
