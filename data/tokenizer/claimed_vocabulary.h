// ClaimedVocabulary: tokens and ids as a file states them, and the checks that every kind of vocabulary must pass.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

struct ClaimedVocabulary {
  struct Entry {
    std::string text;  // as it stands in the file
    std::int64_t id;
  };
  std::string place;  // the file that the entries are from, for messages
  std::vector<Entry> entries;
};

// Texts by id. Throws Error naming place, token and id, unless the ids are 0 ... N-1, each once, and no text is empty.
std::vector<std::string> texts_by_id(const ClaimedVocabulary& vocabulary);

// Ids by text. Throws Error naming place and token when two are equal.
std::unordered_map<std::string, TokenId> ids_by_text(const std::vector<std::string>& texts, const std::string& place);

}  // namespace phalanx::data
