// WordCache: the ids of words met lately. One thread at a time; bounded: a word that falls on a taken place replaces
// it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/word_hash.h"

namespace phalanx::data {

class WordCache {
 public:
  static constexpr std::size_t kLongestWord = 22;  // bytes; longer words are not kept
  static constexpr std::size_t kMostIds = 10;      // nor are words of more ids

  WordCache() : entries_(kEntries) {}

  // The ids of a word; empty when it is not here. Valid until the next put.
  [[nodiscard]] std::span<const TokenId> find(std::string_view word) const {
    const Entry& entry = entries_[place_of(word)];
    if (entry.length != word.size() || std::memcmp(entry.text, word.data(), word.size()) != 0) return {};
    return {entry.ids, entry.count};
  }

  void put(std::string_view word, std::span<const TokenId> ids) {
    if (word.size() > kLongestWord || ids.size() > kMostIds) return;
    Entry& entry = entries_[place_of(word)];
    entry.length = static_cast<std::uint8_t>(word.size());
    entry.count = static_cast<std::uint8_t>(ids.size());
    std::memcpy(entry.text, word.data(), word.size());
    std::copy(ids.begin(), ids.end(), entry.ids);
  }

 private:
  static constexpr std::size_t kEntries = std::size_t{1} << 14;
  struct alignas(64) Entry {  // one cache line
    std::uint8_t length = 0;
    std::uint8_t count = 0;
    char text[kLongestWord];
    TokenId ids[kMostIds];
  };
  static_assert(sizeof(Entry) == 64);

  static std::size_t place_of(std::string_view word) { return (hash_word(word) >> 20) & (kEntries - 1); }

  std::vector<Entry> entries_;
};

}  // namespace phalanx::data
