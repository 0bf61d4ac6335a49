// WordCache: the ids of words met lately. One thread at a time; bounded: a word that falls on a taken place replaces
// it. WordCachePool: caches for a tokenizer that many threads use.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/word_hash.h"

namespace phalanx::data {

class WordCache {
 public:
  static constexpr std::size_t kLongestWord = 22;  // bytes; longer words are not kept
  static constexpr std::size_t kMostIds = 10;      // nor are words of more ids

  WordCache() : entries_(kEntries) {}

  // Appends the ids of a word, which make(word, ids) appends when they are not here.
  template <class Make>
  void append(std::string_view word, std::vector<TokenId>& ids, Make&& make) {
    const std::span<const TokenId> known = find(word);
    if (!known.empty()) {
      ids.insert(ids.end(), known.begin(), known.end());
      return;
    }
    const std::size_t begin = ids.size();
    make(word, ids);
    put(word, std::span(ids).subspan(begin));
  }

 private:
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

// A call takes a cache and gives it back at its end, so there are as many as calls at the same time.
class WordCachePool {
 public:
  class Lease {
   public:
    explicit Lease(WordCachePool& pool) : pool_(pool), cache_(pool.take()) {}
    ~Lease() { pool_.give(std::move(cache_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    WordCache* operator->() const { return cache_.get(); }

   private:
    WordCachePool& pool_;
    std::unique_ptr<WordCache> cache_;
  };

 private:
  std::unique_ptr<WordCache> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<WordCache> cache = std::move(idle_.back());
        idle_.pop_back();
        return cache;
      }
    }
    return std::make_unique<WordCache>();
  }

  void give(std::unique_ptr<WordCache> cache) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(cache));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<WordCache>> idle_;
};

}  // namespace phalanx::data
