// TokenizerJson: tokenizer.json of Hugging Face's tokenizers library; what all kinds of models in it have in common.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/check.h"
#include "data/tokenizer/claimed_vocabulary.h"

namespace phalanx::data {

// Every method throws Error naming the file and the key.
class TokenizerJson {
 public:
  // Reads the file of a folder.
  explicit TokenizerJson(const std::string& folder);
  ~TokenizerJson();
  TokenizerJson(const TokenizerJson&) = delete;
  TokenizerJson& operator=(const TokenizerJson&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const nlohmann::json& root() const { return *root_; }
  // "BPE", "WordPiece", ...
  [[nodiscard]] std::string model_type() const;

  template <class... Args>
  void need(bool holds, const Args&... message) const {
    if (!holds) throw Error(str(path_, ": ", str(message...)));
  }
  // The value of a key; null when it is not there.
  [[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, const char* key) const;
  [[nodiscard]] std::string type_of(const nlohmann::json& object, const char* what) const;
  // The value of a switch; `otherwise` when it is null or not there.
  [[nodiscard]] bool switch_of(const nlohmann::json& object, const char* what, const char* key, bool otherwise) const;

  // model.vocab, and the added tokens, all of which must be special. They stand in model.vocab too, or take the ids
  // after it. Texts of the special ones go to `specials`.
  void read_vocabulary(ClaimedVocabulary& vocabulary, std::vector<std::string>& specials) const;

 private:
  std::string path_;
  std::unique_ptr<nlohmann::json> root_;
};

}  // namespace phalanx::data
