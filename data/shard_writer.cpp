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
constexpr std::size_t kBlock = std::size_t{1} << 16;           // tokens copied at a time

std::string shard_name(std::size_t ordinal) {
  std::string digits = std::to_string(ordinal);
  digits.insert(0, digits.size() < 5 ? 5 - digits.size() : 0, '0');
  return str("shard_", digits, ".h5");
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
}

std::string ShardWriter::path_in_folder(const std::string& name) const {
  return (std::filesystem::path(options_.folder) / name).string();
}

// Tokens that the shard being written can still take.
std::int64_t ShardWriter::room() const {
  const std::int64_t bytes = options_.max_file_bytes - header_bytes_ - 8 * (offsets_->size() + 2);
  return bytes / manifest_.token_bytes() - tokens_->size();
}

void ShardWriter::add_tokens(std::span<const TokenId> ids) {
  while (!ids.empty()) {
    if (room() <= 0) roll();
    const auto take = std::min(ids.size(), static_cast<std::size_t>(std::max<std::int64_t>(room(), 0)));
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
  }
  Spool<std::uint32_t> full = std::move(*tokens_);
  tokens_.emplace(path_in_folder("tokens.part"));
  std::vector<std::uint32_t> block;
  for (std::int64_t at = document_begin_; at < full.size(); at += static_cast<std::int64_t>(block.size())) {
    block.resize(std::min(kBlock, static_cast<std::size_t>(full.size() - at)));
    full.read(at, std::span(block));
    for (const std::uint32_t id : block) tokens_->append(id);
  }
  write_shard(full, document_begin_);
  document_begin_ = 0;
}

void ShardWriter::write_shard(Spool<std::uint32_t>& tokens, std::int64_t count) {
  const std::string name = shard_name(manifest_.shards.size());
  manifest_.shards.push_back(write_shard_file(options_.folder, name, manifest_, tokens, count, *offsets_));
  offsets_->truncate(0);
}

bool ShardWriter::move_last_document(ShardWriter& to) {
  if (documents() < 2 || last_is_cut_ || offsets_->size() == 0 || tokens_->size() != document_begin_) return false;
  std::uint64_t begin = 0;
  offsets_->read(offsets_->size() - 1, std::span(&begin, 1));
  const std::int64_t end = document_begin_ - (tokenizer_.end_of_text() >= 0 ? 1 : 0);
  document_begin_ = static_cast<std::int64_t>(begin);
  std::vector<std::uint32_t> block;
  for (std::int64_t at = document_begin_; at < end; at += static_cast<std::int64_t>(block.size())) {
    block.resize(std::min(kBlock, static_cast<std::size_t>(end - at)));
    tokens_->read(at, std::span(block));
    const std::vector<TokenId> ids(block.begin(), block.end());
    to.add_tokens(ids);
    for (const TokenId id : ids) --manifest_.token_counts[static_cast<std::size_t>(id)];
  }
  to.add_text_bytes(last_text_bytes_);
  to.end_document();
  if (tokenizer_.end_of_text() >= 0) --manifest_.token_counts[static_cast<std::size_t>(tokenizer_.end_of_text())];
  manifest_.tokens -= tokens_->size() - document_begin_;
  manifest_.text_bytes -= last_text_bytes_;
  --manifest_.documents;
  tokens_->truncate(document_begin_);
  offsets_->truncate(offsets_->size() - 1);
  return true;
}

const Manifest& ShardWriter::finish() {
  ENSURE(documents() > 0, options_.folder, ": no document to write");
  ENSURE(tokens_->size() == document_begin_, options_.folder, ": a document is open");
  if (tokens_->size() > 0) write_shard(*tokens_, tokens_->size());
  const std::string tokenizer_folder = path_in_folder(kTokenizerFolder);
  std::filesystem::create_directory(tokenizer_folder);
  tokenizer_.save(tokenizer_folder);
  for (const auto& file : std::filesystem::directory_iterator(tokenizer_folder)) sync_file(file.path().string());
  write_manifest(options_.folder, manifest_);
  sync_folder(options_.folder);
  return manifest_;
}

}  // namespace phalanx::data
