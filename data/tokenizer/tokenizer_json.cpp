// tokenizer.json of Hugging Face's tokenizers library, as far as it is byte-level BPE.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "data/tokenizer/bpe_files.h"
#include "data/tokenizer/text_file.h"

namespace phalanx::data {
namespace {

using nlohmann::json;

// The file and what is read from it; every method throws Error naming the key.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)), root_(read_json_file(path_)) {}

  BpeClaims read() {
    need(root_.is_object(), "must be an object");
    check_normalizer();
    check_pre_tokenizer(member(root_, "pre_tokenizer"));
    const json& model = member(root_, "model");
    check_model(model);
    claims_.vocabulary_place = path_ + ": model.vocab";
    claims_.merges_place = path_ + ": model.merges";
    read_vocabulary(member(model, "vocab"));
    read_merges(member(model, "merges"));
    read_added_tokens();
    return std::move(claims_);
  }

 private:
  template <class... Args>
  void need(bool holds, const Args&... message) const {
    if (!holds) throw Error(str(path_, ": ", str(message...)));
  }

  const json& member(const json& object, const char* key) const {
    static const json null;
    need(object.is_object(), "an object was expected around '", key, "'");
    const auto found = object.find(key);
    return found == object.end() ? null : *found;
  }

  std::string type_of(const json& object, const char* what) const {
    const json& type = member(object, "type");
    need(type.is_string(), what, " has no type");
    return type.get<std::string>();
  }

  // A switch that changes the ids must be off (absent, null, false, 0 or empty).
  void need_off(const json& object, const char* what, const char* key) const {
    const json& value = member(object, key);
    const bool off = value.is_null() || value == json(false) || value == json(0.0) || value == json("");
    need(off, what, ".", key, " is ", value.dump(), "; only byte-level BPE as GPT-2 does it is read");
  }

  void check_normalizer() const {
    const json& normalizer = member(root_, "normalizer");
    if (normalizer.is_null()) return;
    need(false, "normalizer ", type_of(normalizer, "the normalizer"), " is not supported; byte-level BPE has none");
  }

  void check_pre_tokenizer(const json& pre_tokenizer) const {
    need(!pre_tokenizer.is_null(), "has no pre_tokenizer; ByteLevel was expected");
    const std::string type = type_of(pre_tokenizer, "the pre_tokenizer");
    if (type == "Sequence") {
      const json& parts = member(pre_tokenizer, "pretokenizers");
      need(parts.is_array() && parts.size() == 1, "a pre_tokenizer that is a sequence of several is not supported");
      return check_byte_level(parts[0]);
    }
    check_byte_level(pre_tokenizer);
  }

  void check_byte_level(const json& pre_tokenizer) const {
    const std::string type = type_of(pre_tokenizer, "the pre_tokenizer");
    need(type == "ByteLevel", "pre_tokenizer ", type, " is not supported; ByteLevel is");
    need_off(pre_tokenizer, "pre_tokenizer", "add_prefix_space");
    const json& pattern = member(pre_tokenizer, "use_regex");
    need(pattern.is_null() || pattern == json(true), "pre_tokenizer.use_regex must be true");
  }

  void check_model(const json& model) const {
    need(model.is_object(), "has no model");
    // Files of the library's first versions state no type; only BPE had merges.
    const bool old_bpe = !model.contains("type") && model.contains("merges");
    const std::string type = old_bpe ? "BPE" : type_of(model, "the model");
    need(type == "BPE", "model.type ", type, " is not supported; BPE is");
    for (const char* key :
         {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"}) {
      need_off(model, "model", key);
    }
  }

  void read_vocabulary(const json& vocabulary) {
    need(vocabulary.is_object(), "model.vocab must be an object of tokens and ids");
    for (const auto& [text, id] : vocabulary.items()) {
      need(id.is_number_integer(), "model.vocab: the id of token '", text, "' is not an integer");
      claims_.vocabulary.push_back({text, id.get<std::int64_t>()});
    }
  }

  // A merge is "left right", or ["left", "right"] since version 0.20 of the library.
  void read_merges(const json& merges) {
    need(merges.is_array(), "model.merges must be a list");
    for (std::size_t i = 0; i < merges.size(); ++i) {
      const std::string place = str(path_, ": model.merges[", i, "]");
      const json& merge = merges[i];
      if (merge.is_string()) {
        const auto text = merge.get<std::string>();
        const std::size_t space = text.find(' ');
        if (space == std::string::npos) throw Error(str(place, ": '", text, "' has no space between two tokens"));
        claims_.merges.push_back({text.substr(0, space), text.substr(space + 1), place});
      } else {
        const bool two = merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
        if (!two) throw Error(str(place, ": expected two tokens, found ", merge.dump()));
        claims_.merges.push_back({merge[0].get<std::string>(), merge[1].get<std::string>(), place});
      }
    }
  }

  // Special tokens stand in the vocabulary too, or take the ids after it.
  void read_added_tokens() {
    const json& added = member(root_, "added_tokens");
    if (added.is_null()) return;
    need(added.is_array(), "added_tokens must be a list");
    const json& vocabulary = member(member(root_, "model"), "vocab");
    for (const json& token : added) {
      const json& content = member(token, "content");
      const json& id = member(token, "id");
      need(content.is_string() && id.is_number_integer(), "an added token needs content and id, found ", token.dump());
      const auto text = content.get<std::string>();
      need(member(token, "special") == json(true), "added token '", text, "' is not special; such are not supported");
      claims_.specials.push_back(text);
      const auto known = vocabulary.find(text);
      if (known == vocabulary.end()) claims_.vocabulary.push_back({text, id.get<std::int64_t>()});
      need(known == vocabulary.end() || *known == id, "added token '", text, "' has another id in model.vocab");
    }
  }

  std::string path_;
  json root_;
  BpeClaims claims_;
};

}  // namespace

BpeModel read_tokenizer_json(const std::string& folder) {
  return check_bpe(Reader((std::filesystem::path(folder) / "tokenizer.json").string()).read());
}

}  // namespace phalanx::data
