#include "data/sentence_pair.h"

#include <algorithm>

namespace phalanx::data {
namespace {

constexpr std::uint64_t kHalf = std::uint64_t{1} << 31;
constexpr auto kShortBelow = static_cast<std::uint64_t>(SentencePairs::kShortShare * 4294967296.0);

// A number from 0 to n - 1 out of 32 random bits.
std::int64_t pick(std::uint32_t random, std::int64_t n) {
  return static_cast<std::int64_t>(std::uint64_t{random} * static_cast<std::uint64_t>(n) >> 32);
}

// Windows [begin, end) of a source that the other segment must not come from.
struct Windows {
  std::int64_t begin = 0, end = 0;
};

// `window`, and the windows that lie wholly in the document: these are neighbours.
Windows windows_without_another(const WindowTable& table, std::int64_t window, const OffsetTable::Bounds& document) {
  const WindowTable::Place place = table.place(window);
  const std::int64_t stride = table.shape().stride;
  const std::int64_t first_of_shard = window - place.first / stride;
  const std::int64_t inside = first_of_shard + (document.begin + stride - 1) / stride;
  const std::int64_t behind = std::min(first_of_shard + document.end / stride, table.end_of_shard(place.shard));
  if (inside >= behind) return {window, window + 1};
  return {std::min(inside, window), std::max(behind, window + 1)};
}

void read(const Shard& shard, std::int64_t begin, std::int64_t end, std::vector<std::int32_t>& ids) {
  ids.resize(static_cast<std::size_t>(end - begin));
  shard.read_tokens(begin, std::span(ids));
}

// Takes tokens away until `length` are left, as BERT does.
void trim(SentencePair& pair, std::size_t length, const RandomKey& key) {
  std::size_t front[2] = {0, 0};
  std::size_t left[2] = {pair.a.size(), pair.b.size()};
  for (std::uint64_t i = 0; left[0] + left[1] > length; ++i) {
    const int longer = left[0] > left[1] ? 0 : 1;
    front[longer] += random_u32(key, SentencePairs::kTrimElement + i) & 1U;
    --left[longer];
  }
  const auto keep = [](std::vector<std::int32_t>& ids, std::size_t begin, std::size_t count) {
    const auto first = ids.begin() + static_cast<std::ptrdiff_t>(begin);
    ids = {first, first + static_cast<std::ptrdiff_t>(count)};
  };
  keep(pair.a, front[0], left[0]);
  keep(pair.b, front[1], left[1]);
}

}  // namespace

// The longest part of tokens [begin, end) in one document, the first of equal ones; not in document `without`, if
// given.
SentencePairs::Run SentencePairs::longest_part(const Shard& shard, std::int64_t begin, std::int64_t end,
                                               const OffsetTable::Bounds* without) {
  documents_.assign(1, begin);
  shard.document_begins(begin, end, documents_);
  documents_.push_back(end);
  Run longest{&shard, begin, begin};
  for (std::size_t i = 0; i + 1 < documents_.size(); ++i) {
    const bool is_out = without != nullptr && documents_[i] >= without->begin && documents_[i] < without->end;
    if (!is_out && documents_[i + 1] - documents_[i] > longest.tokens()) {
      longest = {&shard, documents_[i], documents_[i + 1]};
    }
  }
  return longest;
}

void SentencePairs::find_sentences(const Run& part) {
  sentences_.clear();
  if (part.begin == 0) sentences_.push_back(0);
  part.shard->sentence_begins(std::max<std::int64_t>(part.begin - 1, 0), part.end, sentences_);
}

// Another B instead of what follows `a` up to b.end: false if the source has no other document in a window.
bool SentencePairs::find_other(const WindowSource& source, std::int64_t window, const Random4& random, const Run& a,
                               Run& b) {
  const OffsetTable::Bounds document = a.shard->document_around(a.begin);
  const Windows without = windows_without_another(source.table, window, document);
  const std::int64_t windows = source.table.windows() - (without.end - without.begin);
  if (windows == 0) return false;
  const std::uint64_t drawn = (std::uint64_t{random[1]} << 32 | random[0]) % static_cast<std::uint64_t>(windows);
  std::int64_t other = static_cast<std::int64_t>(drawn);
  if (other >= without.begin) other += without.end - without.begin;

  const WindowTable::Place place = source.table.place(other);
  const Shard& shard = *source.reader.shards()[place.shard];
  const Run part = longest_part(shard, place.first, place.first + source.table.shape().tokens,
                                &shard == a.shard ? &document : nullptr);
  const bool begins_sentence = std::ranges::binary_search(sentences_, b.begin);
  const std::int64_t wanted = b.tokens();
  const std::int64_t document_end = shard.document_around(part.begin).end;
  const std::int64_t last = document_end - wanted;  // later starts give fewer tokens
  find_sentences(part);
  if (begins_sentence && !sentences_.empty()) {
    const auto good = std::ranges::upper_bound(sentences_, last) - sentences_.begin();
    b.begin = sentences_[static_cast<std::size_t>(pick(random[2], std::max<std::int64_t>(good, 1)))];
  } else {
    const std::int64_t starts = std::min(last + 1, part.end) - part.begin;
    b.begin = part.begin + pick(random[2], std::max<std::int64_t>(starts, 1));
  }
  b.end = std::min(b.begin + wanted, document_end);
  b.shard = &shard;
  return true;
}

void SentencePairs::make(const WindowSource& source, std::int64_t window, std::uint64_t ordinal, SentencePair& pair) {
  pair = {};
  const WindowTable::Place place = source.table.place(window);
  const std::int64_t room = source.table.shape().tokens;
  const Shard& shard = *source.reader.shards()[place.shard];
  const Run part = longest_part(shard, place.first, place.first + room, nullptr);
  if (part.tokens() < 2) return;

  const RandomKey key{seed_, Purpose::next_sentence, 0, ordinal};
  const Random4 random = random_block(key, 0);
  find_sentences(part);
  if (!sentences_.empty() && sentences_.front() == part.begin) sentences_.erase(sentences_.begin());
  const auto cuts = static_cast<std::int64_t>(sentences_.size());
  const std::int64_t cut = cuts > 0 ? sentences_[static_cast<std::size_t>(pick(random[0], cuts))]
                                    : part.begin + 1 + pick(random[0], part.tokens() - 1);
  const Run a{&shard, part.begin, cut};
  Run b{&shard, cut, part.end};
  pair.b_follows_a = random[1] >= kHalf || !find_other(source, window, random_block(key, 1), a, b);
  read(*a.shard, a.begin, a.end, pair.a);
  read(*b.shard, b.begin, b.end, pair.b);
  if (random[2] < kShortBelow) trim(pair, static_cast<std::size_t>(2 + pick(random[3], room - 1)), key);
}

}  // namespace phalanx::data
