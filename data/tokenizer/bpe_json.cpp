// tokenizer.json of Hugging Face's tokenizers library, as far as it is byte-level BPE.
#include <nlohmann/json.hpp>

#include "data/tokenizer/bpe_files.h"
#include "data/tokenizer/tokenizer_json.h"

namespace phalanx::data {
namespace {

using nlohmann::json;

// What is read from the file; every method throws Error naming the key.
class Reader {
 public:
  explicit Reader(const TokenizerJson& file) : file_(file) {}

  BpeClaims read() {
    check_normalizer();
    check_pre_tokenizer(file_.member(file_.root(), "pre_tokenizer"));
    const json& model = file_.member(file_.root(), "model");
    check_model(model);
    file_.read_vocabulary(claims_.vocabulary, claims_.specials);
    claims_.merges_place = file_.path() + ": model.merges";
    read_merges(file_.member(model, "merges"));
    return std::move(claims_);
  }

 private:
  // A switch that changes the ids must be off (absent, null, false, 0 or empty).
  void need_off(const json& object, const char* what, const char* key) const {
    const json& value = file_.member(object, key);
    const bool off = value.is_null() || value == json(false) || value == json(0.0) || value == json("");
    file_.need(off, what, ".", key, " is ", value.dump(), "; only byte-level BPE as GPT-2 does it is read");
  }

  void check_normalizer() const {
    const json& normalizer = file_.member(file_.root(), "normalizer");
    if (normalizer.is_null()) return;
    file_.need(false, "normalizer ", file_.type_of(normalizer, "the normalizer"),
               " is not supported; byte-level BPE has none");
  }

  void check_pre_tokenizer(const json& pre_tokenizer) const {
    file_.need(!pre_tokenizer.is_null(), "has no pre_tokenizer; ByteLevel was expected");
    const std::string type = file_.type_of(pre_tokenizer, "the pre_tokenizer");
    if (type == "Sequence") {
      const json& parts = file_.member(pre_tokenizer, "pretokenizers");
      file_.need(parts.is_array() && parts.size() == 1,
                 "a pre_tokenizer that is a sequence of several is not supported");
      return check_byte_level(parts[0]);
    }
    check_byte_level(pre_tokenizer);
  }

  void check_byte_level(const json& pre_tokenizer) const {
    const std::string type = file_.type_of(pre_tokenizer, "the pre_tokenizer");
    file_.need(type == "ByteLevel", "pre_tokenizer ", type, " is not supported; ByteLevel is");
    need_off(pre_tokenizer, "pre_tokenizer", "add_prefix_space");
    const json& pattern = file_.member(pre_tokenizer, "use_regex");
    file_.need(pattern.is_null() || pattern == json(true), "pre_tokenizer.use_regex must be true");
  }

  void check_model(const json& model) const {
    for (const char* key :
         {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"}) {
      need_off(model, "model", key);
    }
  }

  // A merge is "left right", or ["left", "right"] since version 0.20 of the library.
  void read_merges(const json& merges) {
    file_.need(merges.is_array(), "model.merges must be a list");
    for (std::size_t i = 0; i < merges.size(); ++i) {
      const std::string place = str(file_.path(), ": model.merges[", i, "]");
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

  const TokenizerJson& file_;
  BpeClaims claims_;
};

}  // namespace

BpeModel read_bpe_json(const TokenizerJson& file) { return check_bpe(Reader(file).read()); }

}  // namespace phalanx::data
