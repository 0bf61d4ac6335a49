// Documents are spooled until a shard is full or the stream ends; the document that overflows moves to the next shard.
#include "data/shard_writer.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/check.h"
#include "data/shard_file.h"
#include "data/shard_format.h"

namespace phalanx::data {
namespace {

constexpr std::int64_t kHeaderBytes = std::int64_t{16} << 10;  // more than HDF5 and most attributes take
constexpr std::int64_t kBlock = std::int64_t{1} << 16;         // elements copied at a time

std::string shard_name(std::size_t ordinal) {
  std::string digits = std::to_string(ordinal);
  digits.insert(0, digits.size() < 5 ? 5 - digits.size() : 0, '0');
  return str("shard_", digits, ".h5");
}

// Calls visit with the elements [begin, end).
template <class T, class Visit>
void for_each(Spool<T>& spool, std::int64_t begin, std::int64_t end, Visit&& visit) {
  std::vector<T> block;
  for (; begin < end; begin += static_cast<std::int64_t>(block.size())) {
    block.resize(static_cast<std::size_t>(std::min(kBlock, end - begin)));
    spool.read(begin, std::span(block));
    for (const T value : block) visit(value);
  }
}

// How many of the ascending numbers are below `limit`.
std::int64_t first_not_below(Spool<std::uint64_t>& spool, std::uint64_t limit) {
  std::int64_t low = 0, high = spool.size();
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    std::uint64_t value = 0;
    spool.read(middle, std::span(&value, 1));
    if (value < limit)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

}  // namespace

ShardWriter::ShardWriter(ShardWriterOptions options, const Tokenizer& tokenizer)
    : options_(std::move(options)), tokenizer_(tokenizer) {
  manifest_.source = options_.source;
  manifest_.tokenizer_kind = tokenizer.kind();
  manifest_.tokenizer_digest = tokenizer.digest();
  manifest_.vocabulary = tokenizer.vocabulary();
  manifest_.end_of_text = tokenizer.end_of_text();
  for (const Tokenizer::Special& special : tokenizer.special_tokens()) {
    manifest_.special_tokens[special.text] = special.id;
  }
  manifest_.token_counts.resize(static_cast<std::size_t>(manifest_.vocabulary));
  if (options_.max_file_bytes < kMinFileBytes) {
    throw UsageError(
        str("a shard must be allowed at least ", kMinFileBytes, " bytes, found ", options_.max_file_bytes));
  }
  header_bytes_ = kHeaderBytes + static_cast<std::int64_t>(special_tokens_json(manifest_).size());
  tokens_.emplace(path_in_folder("tokens.part"));
  offsets_.emplace(path_in_folder("offsets.part"));
  sentences_.emplace(path_in_folder("sentences.part"));
  begin_sentence();
}

std::string ShardWriter::path_in_folder(const std::string& name) const {
  return (std::filesystem::path(options_.folder) / name).string();
}

// Tokens that the shard being written can still take.
std::int64_t ShardWriter::room() const {
  const std::int64_t entries = offsets_->size() + 2 + (options_.sentences ? sentences_->size() + 2 : 0);
  const std::int64_t bytes = options_.max_file_bytes - header_bytes_ - 8 * entries;
  return bytes / manifest_.token_bytes() - tokens_->size();
}

void ShardWriter::add_tokens(std::span<const TokenId> ids) {
  while (!ids.empty()) {
    if (room() <= 0) roll();
    const auto take = std::min(ids.size(), static_cast<std::size_t>(std::max<std::int64_t>(room(), 0)));
    if (std::exchange(sentence_is_due_, false)) sentences_->append(static_cast<std::uint64_t>(tokens_->size()));
    ENSURE(take > 0, options_.folder, ": a shard of ", options_.max_file_bytes, " bytes has no room for tokens");
    for (const TokenId id : ids.first(take)) {
      ENSURE(id >= 0 && id < manifest_.vocabulary, "the tokenizer gave id ", id, " of ", manifest_.vocabulary);
      tokens_->append(static_cast<std::uint32_t>(id));
      ++manifest_.token_counts[static_cast<std::size_t>(id)];
    }
    manifest_.tokens += static_cast<std::int64_t>(take);
    ids = ids.subspan(take);
  }
}

bool ShardWriter::end_document() {
  const std::int64_t text_bytes = std::exchange(open_text_bytes_, 0);
  if (tokens_->size() == document_begin_) return false;
  if (tokenizer_.end_of_text() >= 0) {
    const TokenId end = tokenizer_.end_of_text();
    add_tokens(std::span(&end, 1));
  }
  offsets_->append(static_cast<std::uint64_t>(document_begin_));
  document_begin_ = tokens_->size();
  begin_sentence();
  last_is_cut_ = std::exchange(open_is_cut_, false);
  last_text_bytes_ = text_bytes;
  manifest_.text_bytes += text_bytes;
  ++manifest_.documents;
  return true;
}

// Writes the shard without the open document, which moves to a new one; or with it, if it is alone.
void ShardWriter::roll() {
  if (document_begin_ == 0) {
    offsets_->append(0);
    open_is_cut_ = true;
    document_begin_ = tokens_->size();
    begin_sentence();
  }
  Spool<std::uint32_t> full = std::move(*tokens_);
  Spool<std::uint64_t> full_sentences = std::move(*sentences_);
  tokens_.emplace(path_in_folder("tokens.part"));
  sentences_.emplace(path_in_folder("sentences.part"));
  const auto begin = static_cast<std::uint64_t>(document_begin_);
  for_each(full, document_begin_, full.size(), [&](std::uint32_t id) { tokens_->append(id); });
  for_each(full_sentences, first_not_below(full_sentences, begin), full_sentences.size(),
           [&](std::uint64_t sentence) { sentences_->append(sentence - begin); });
  write_shard(full, document_begin_, full_sentences);
  document_begin_ = 0;
}

// Writes the first `count` tokens, and the sentences that begin in them.
void ShardWriter::write_shard(Spool<std::uint32_t>& tokens, std::int64_t count, Spool<std::uint64_t>& sentences) {
  const std::string name = shard_name(manifest_.shards.size());
  const std::int64_t sentence_count = first_not_below(sentences, static_cast<std::uint64_t>(count));
  manifest_.shards.push_back(
      write_shard_file(options_.folder, name, manifest_, {tokens, count, *offsets_, sentences, sentence_count}));
  offsets_->truncate(0);
}

// Adds tokens [begin, end) of the shard being written to the open document of `to`, sentence by sentence.
void ShardWriter::move_tokens(std::int64_t begin, std::int64_t end, ShardWriter& to) {
  std::vector<std::int64_t> begins;  // of all but the first
  for_each(*sentences_, first_not_below(*sentences_, static_cast<std::uint64_t>(begin) + 1), sentences_->size(),
           [&](std::uint64_t sentence) { begins.push_back(static_cast<std::int64_t>(sentence)); });
  std::vector<TokenId> ids;
  const auto flush = [&] {
    to.add_tokens(ids);
    for (const TokenId id : ids) --manifest_.token_counts[static_cast<std::size_t>(id)];
    ids.clear();
  };
  auto next = begins.begin();
  for_each(*tokens_, begin, end, [&](std::uint32_t id) {
    const bool sentence_begins = next != begins.end() && *next == begin;
    if (sentence_begins || static_cast<std::int64_t>(ids.size()) == kBlock) flush();
    if (sentence_begins) {
      to.begin_sentence();
      ++next;
    }
    ids.push_back(static_cast<TokenId>(id));
    ++begin;
  });
  flush();
}

bool ShardWriter::move_last_document(ShardWriter& to) {
  if (documents() < 2 || last_is_cut_ || offsets_->size() == 0 || tokens_->size() != document_begin_) return false;
  std::uint64_t begin = 0;
  offsets_->read(offsets_->size() - 1, std::span(&begin, 1));
  const std::int64_t end = document_begin_ - (tokenizer_.end_of_text() >= 0 ? 1 : 0);
  document_begin_ = static_cast<std::int64_t>(begin);
  move_tokens(document_begin_, end, to);
  to.add_text_bytes(last_text_bytes_);
  to.end_document();
  if (tokenizer_.end_of_text() >= 0) --manifest_.token_counts[static_cast<std::size_t>(tokenizer_.end_of_text())];
  manifest_.tokens -= tokens_->size() - document_begin_;
  manifest_.text_bytes -= last_text_bytes_;
  --manifest_.documents;
  tokens_->truncate(document_begin_);
  sentences_->truncate(first_not_below(*sentences_, begin));
  offsets_->truncate(offsets_->size() - 1);
  return true;
}

const Manifest& ShardWriter::finish() {
  ENSURE(documents() > 0, options_.folder, ": no document to write");
  ENSURE(tokens_->size() == document_begin_, options_.folder, ": a document is open");
  if (tokens_->size() > 0) write_shard(*tokens_, tokens_->size(), *sentences_);
  const std::string tokenizer_folder = path_in_folder(kTokenizerFolder);
  std::filesystem::create_directory(tokenizer_folder);
  tokenizer_.save(tokenizer_folder);
  for (const auto& file : std::filesystem::directory_iterator(tokenizer_folder)) sync_file(file.path().string());
  write_manifest(options_.folder, manifest_);
  sync_folder(options_.folder);
  return manifest_;
}

}  // namespace phalanx::data
