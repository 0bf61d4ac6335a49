// WordCounts: how often each word of a corpus occurs; and how a corpus is counted by several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace phalanx::data {

class WordCounts {
 public:
  WordCounts();
  void add(std::string_view word, std::int64_t times);
  void add(const WordCounts& other);

  // Distinct words, in no stated order.
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::string_view word(std::size_t i) const {
    return std::string_view(bytes_).substr(entries_[i].begin, entries_[i].length);
  }
  [[nodiscard]] std::int64_t times(std::size_t i) const { return entries_[i].times; }

 private:
  struct Entry {
    std::uint64_t hash;
    std::size_t begin;  // in bytes_
    std::size_t length;
    std::int64_t times;
  };
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  [[nodiscard]] std::size_t slot_of(std::string_view word, std::uint64_t hash) const;
  void grow();

  std::string bytes_;  // of all words
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  // open addressing: index of an entry or kNone
};

// The next piece of a corpus, no word of which goes on in another piece; false at the end.
using NextPiece = std::function<bool(std::string& piece)>;

struct CorpusCounts {
  WordCounts words;
  std::int64_t bytes = 0;
};

// Adds the words of a piece. Called by several threads at the same time.
using AddWords = std::function<void(std::string_view piece, WordCounts& words)>;

// Counts the words of a corpus. Holds one piece per thread. `next` is called by one thread at a time, not always the
// same; what it throws ends the counting and is thrown here.
CorpusCounts count_words(const NextPiece& next, const AddWords& add, int threads);

}  // namespace phalanx::data
