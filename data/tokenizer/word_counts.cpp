#include "data/tokenizer/word_counts.h"

#include <exception>
#include <mutex>
#include <thread>

#include "core/check.h"
#include "data/tokenizer/word_hash.h"

namespace phalanx::data {

WordCounts::WordCounts() : slots_(1 << 12, kNone) {}

std::size_t WordCounts::slot_of(std::string_view text, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const std::uint32_t i = slots_[slot];
    if (i == kNone || (entries_[i].hash == hash && word(i) == text)) return slot;
  }
}

void WordCounts::add(std::string_view word, std::int64_t times) {
  const std::uint64_t hash = hash_word(word);
  std::size_t slot = slot_of(word, hash);
  if (slots_[slot] != kNone) {
    entries_[slots_[slot]].times += times;
    return;
  }
  if ((entries_.size() + 1) * 2 > slots_.size()) {
    grow();
    slot = slot_of(word, hash);
  }
  ENSURE(entries_.size() < kNone, "a corpus of more than ", entries_.size(), " distinct words");
  slots_[slot] = static_cast<std::uint32_t>(entries_.size());
  entries_.push_back({hash, bytes_.size(), word.size(), times});
  bytes_ += word;
}

void WordCounts::add(const WordCounts& other) {
  for (std::size_t i = 0; i < other.size(); ++i) add(other.word(i), other.times(i));
}

void WordCounts::grow() {
  slots_.assign(slots_.size() * 2, kNone);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::size_t slot = entries_[i].hash & mask;
    while (slots_[slot] != kNone) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<std::uint32_t>(i);
  }
}

namespace {

// The corpus as the counting threads see it: whoever is ready takes the next piece.
class Pieces {
 public:
  explicit Pieces(const NextPiece& next) : next_(next) {}

  bool take(std::string& piece) {
    const std::lock_guard lock(mutex_);
    if (over_) return false;
    try {
      over_ = !next_(piece);
    } catch (...) {
      fail();
    }
    return !over_;
  }

  // A thread failed outside of take().
  void stop_with_current_exception() {
    const std::lock_guard lock(mutex_);
    fail();
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void fail() {
    over_ = true;
    if (!error_) error_ = std::current_exception();
  }

  const NextPiece& next_;
  std::mutex mutex_;
  bool over_ = false;
  std::exception_ptr error_;
};

void count_pieces(Pieces& pieces, const AddWords& add, CorpusCounts& counts) {
  std::string piece;
  while (pieces.take(piece)) {
    counts.bytes += static_cast<std::int64_t>(piece.size());
    add(piece, counts.words);
  }
}

}  // namespace

CorpusCounts count_words(const NextPiece& next, const AddWords& add, int threads) {
  ENSURE(threads >= 1, threads, " threads");
  Pieces pieces(next);
  std::vector<CorpusCounts> counts(static_cast<std::size_t>(threads));
  const auto work = [&](CorpusCounts& own) {
    try {
      count_pieces(pieces, add, own);
    } catch (...) {
      pieces.stop_with_current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < counts.size(); ++i) others.emplace_back([&, i] { work(counts[i]); });
    work(counts[0]);
  }
  pieces.rethrow();
  for (std::size_t i = 1; i < counts.size(); ++i) {
    counts[0].words.add(counts[i].words);
    counts[0].bytes += counts[i].bytes;
    counts[i] = {};
  }
  return std::move(counts[0]);
}

}  // namespace phalanx::data
