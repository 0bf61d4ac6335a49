// Tokenizer: text <-> ids. Implementations: byte-level BPE (bpe.h), WordPiece (wordpiece.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace phalanx::data {

using TokenId = std::int32_t;

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  [[nodiscard]] virtual std::string kind() const = 0;  // "bpe", "wordpiece"
  [[nodiscard]] virtual std::int64_t vocabulary() const = 0;
  // Appends the ids of `text` (UTF-8; invalid bytes are encoded as they are by BPE, left out by WordPiece). Special
  // tokens in the text are ordinary text. Thread-safe.
  virtual void encode(std::string_view text, std::vector<TokenId>& ids) const = 0;
  // Whether shards store where sentences begin: for models that learn from pairs of segments.
  [[nodiscard]] virtual bool keeps_sentences() const { return false; }
  // Whether the ids of text[0, at) followed by those of text[at, end) are sure to be the ids of `text`. at is in
  // (0, text.size()), at the start of a character.
  [[nodiscard]] virtual bool may_cut(std::string_view /*text*/, std::size_t /*at*/) const { return false; }
  // Text of the ids. More ids extend it, but the texts of two parts do not concatenate: see TextStream.
  [[nodiscard]] virtual std::string decode(const std::vector<TokenId>& ids) const = 0;
  // The bytes or text of one token, for display.
  [[nodiscard]] virtual std::string token_text(TokenId id) const = 0;
  // Id that ends a document; -1 when the kind has none.
  [[nodiscard]] virtual TokenId end_of_text() const = 0;
  // Special tokens and their ids, e.g. {"<|endoftext|>", 50256}.
  struct Special {
    std::string text;
    TokenId id;
  };
  [[nodiscard]] virtual const std::vector<Special>& special_tokens() const = 0;
  // Writes the tokenizer's files into an existing folder.
  virtual void save(const std::string& folder) const = 0;
  // SHA-256 (hex) over the tokenizer's content, independent of file formatting.
  [[nodiscard]] virtual std::string digest() const = 0;
};

// Opens a folder: vocab.json + merges.txt, vocab.txt, or tokenizer.json alone. Throws Error naming the file and what is
// wrong.
std::unique_ptr<Tokenizer> load_tokenizer(const std::string& folder);

}  // namespace phalanx::data
