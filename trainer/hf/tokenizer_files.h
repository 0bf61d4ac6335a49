// The tokenizer of a Hugging Face folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace phalanx::hf {

// What the other files of a folder need to know of its tokenizer.
struct TokenizerFacts {
  std::optional<std::int64_t> end_of_text;  // id
  std::int64_t vocabulary = 0;
  std::string digest;
};

// Writes the tokenizer of folder `from` into the existing folder `to`: vocab.json and merges.txt as they are,
// tokenizer.json, tokenizer_config.json with `model_max_length`, special_tokens_map.json. Byte-level BPE.
TokenizerFacts write_tokenizer(const std::string& from, const std::string& to, std::int64_t model_max_length);

// Copies the tokenizer's files of a model's folder into the folder `to`, which is made, and opens the copy. Nothing,
// and no folder, where there are none.
std::optional<TokenizerFacts> copy_tokenizer(const std::string& from, const std::string& to);

}  // namespace phalanx::hf
