// TextStream: a text that grows token by token. What a token adds depends on the tokens before it (WordPiece puts
// spaces between words), so the texts of single tokens do not make up the text of all.
#pragma once

#include <utility>
#include <vector>

#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

class TextStream {
 public:
  // `ids`: the text so far.
  TextStream(const Tokenizer& tokenizer, std::vector<TokenId> ids)
      : tokenizer_(tokenizer), ids_(std::move(ids)), bytes_(tokenizer.decode(ids_).size()) {}

  // What `id` adds to the text.
  std::string add(TokenId id) {
    ids_.push_back(id);
    const std::string text = tokenizer_.decode(ids_);
    std::string added = text.substr(bytes_);
    bytes_ = text.size();
    return added;
  }

 private:
  const Tokenizer& tokenizer_;
  std::vector<TokenId> ids_;
  std::size_t bytes_;  // of the text so far
};

}  // namespace phalanx::data
