// The tokenizer of a Hugging Face folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "trainer/hf/family.h"

namespace phalanx::hf {

// What the other files of a folder need to know of its tokenizer.
struct TokenizerFacts {
  SpecialIds ids;
  std::int64_t vocabulary = 0;
  std::string digest;
};

// What its files say of the model.
struct TokenizerUse {
  std::int64_t model_max_length = 0;  // tokens
  bool masked = false;                // sequences begin with [CLS] and end with [SEP], or <s> and </s>
  bool segments = false;              // the model tells segments apart
};

// Writes the tokenizer of folder `from` into the existing folder `to`: vocab.json and merges.txt, or vocab.txt, as they
// are; tokenizer.json, tokenizer_config.json, special_tokens_map.json.
TokenizerFacts write_tokenizer(const std::string& from, const std::string& to, const TokenizerUse& use);

// Copies the tokenizer's files of a model's folder into the folder `to`, which is made, and opens the copy. Nothing,
// and no folder, where there are none.
std::optional<TokenizerFacts> copy_tokenizer(const std::string& from, const std::string& to);

}  // namespace phalanx::hf
