// Checks of one shard, and reads at places in its bytes.
#include "data/shard.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "core/check.h"
#include "core/crc32c.h"
#include "data/hdf5_file.h"
#include "data/shard_file.h"
#include "data/shard_format.h"

namespace phalanx::data {
namespace {

std::string join(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

template <class T>
void require_equal(const std::string& path, const std::string& what, const T& found, const T& expected) {
  if (found != expected) throw Error(str(path, ": ", what, " is ", found, ", expected ", expected));
}

// The data set of the offsets of `count` documents or sentences.
OffsetTable open_offsets(const File& raw, const Hdf5File& file, const char* name, std::int64_t count,
                         std::int64_t tokens, const std::string& what) {
  const Hdf5Dataset offsets = file.dataset(name);
  require_equal(raw.path(), str("its number of ", what, " offsets"), offsets.size(), count + 1);
  require_equal(raw.path(), str("its type of ", what, " offsets"), name_of(offsets.type()), name_of(Hdf5Type::u64));
  return {raw, offsets.file_offset(), count + 1, static_cast<std::uint64_t>(tokens), what};
}

}  // namespace

Shard::Shard(const std::string& folder, const Manifest& manifest, std::size_t ordinal)
    : file_(File::open_for_reading(join(folder, manifest.shards.at(ordinal).name))),
      tokens_(manifest.shards[ordinal].tokens),
      documents_(manifest.shards[ordinal].documents),
      vocabulary_(manifest.vocabulary),
      bytes_per_token_(manifest.token_bytes()),
      token_offset_(manifest.shards[ordinal].token_offset),
      chunk_crcs_(manifest.shards[ordinal].chunk_crcs),
      chunk_is_checked_(std::make_unique<std::atomic<bool>[]>(chunk_crcs_.size())) {
  const ShardEntry& entry = manifest.shards[ordinal];
  require_equal(file_.path(), "its size in bytes", file_.bytes(), entry.bytes);
  if (crc_outside(file_, token_offset_, token_offset_ + tokens_ * bytes_per_token_) != entry.metadata_crc) {
    throw Error(str(file_.path(), ": damaged: the checksum of its metadata does not match manifest.json"));
  }
  check_hdf5(manifest, entry);
}

void Shard::check_hdf5(const Manifest& manifest, const ShardEntry& entry) {
  const std::string& path = file_.path();
  const Hdf5File file = Hdf5File::open(path);
  const std::int64_t format = file.integer_attribute(attribute::kFormatVersion);
  if (format != kShardFormat) {
    throw Error(str(path, ": format ", format, " is unknown; this program reads format ", kShardFormat));
  }
  require_equal(path, "its tokenizer", file.string_attribute(attribute::kTokenizerKind), manifest.tokenizer_kind);
  require_equal(path, "its tokenizer digest", file.string_attribute(attribute::kTokenizerDigest),
                manifest.tokenizer_digest);
  require_equal(path, "its vocabulary", file.integer_attribute(attribute::kVocabulary), manifest.vocabulary);
  const Hdf5Dataset tokens = file.dataset(kTokens);
  require_equal(path, "its number of tokens", tokens.size(), tokens_);
  require_equal(path, "its type of tokens", tokens.type() == token_type(vocabulary_), true);
  require_equal(path, "the place of its tokens", tokens.file_offset(), entry.token_offset);
  document_offsets_ = open_offsets(file_, file, kDocumentOffsets, documents_, tokens_, "document");
  if (entry.sentences == 0) return;
  sentence_offsets_ = open_offsets(file_, file, kSentenceOffsets, entry.sentences, tokens_, "sentence");
  sentence_offsets_.require_includes(document_offsets_);
}

// Checks those chunks with token bytes [begin, end) that have not been checked. Two threads may check the same one.
void Shard::require_chunks(std::int64_t begin, std::int64_t end) const {
  std::vector<char> chunk;
  for (std::int64_t c = begin / kChunkBytes; c * kChunkBytes < end; ++c) {
    const auto i = static_cast<std::size_t>(c);
    if (chunk_is_checked_[i].load(std::memory_order_acquire)) continue;
    const std::int64_t bytes = std::min(kChunkBytes, tokens_ * bytes_per_token_ - c * kChunkBytes);
    chunk.resize(static_cast<std::size_t>(bytes));
    file_.read(chunk.data(), bytes, token_offset_ + c * kChunkBytes);
    if (crc32c(chunk.data(), chunk.size()) != chunk_crcs_[i]) {
      throw Error(str(file_.path(), ": damaged: the checksum of tokens ", c * kChunkBytes / bytes_per_token_, " to ",
                      (c * kChunkBytes + bytes) / bytes_per_token_, " does not match manifest.json"));
    }
    chunk_is_checked_[i].store(true, std::memory_order_release);
  }
}

void Shard::read_tokens(std::int64_t first, std::span<std::int32_t> ids) const {
  const auto count = static_cast<std::int64_t>(ids.size());
  ENSURE(first >= 0 && count <= tokens_ && first <= tokens_ - count, file_.path(), ": tokens [", first, ", ",
         first + count, ") are outside its ", tokens_);
  if (ids.empty()) return;
  require_chunks(first * bytes_per_token_, (first + count) * bytes_per_token_);
  const std::int64_t offset = token_offset_ + first * bytes_per_token_;
  std::int32_t largest = 0;
  if (bytes_per_token_ == 2) {
    std::vector<std::uint16_t> narrow(ids.size());
    file_.read(narrow.data(), count * 2, offset);
    std::copy(narrow.begin(), narrow.end(), ids.begin());
    largest = *std::max_element(narrow.begin(), narrow.end());
  } else {
    file_.read(ids.data(), count * 4, offset);
    const bool is_negative =
        std::any_of(ids.begin(), ids.end(), [](std::int32_t id) { return id < 0; });  // 2^31 or more
    largest = is_negative ? std::numeric_limits<std::int32_t>::max() : *std::max_element(ids.begin(), ids.end());
  }
  if (largest >= vocabulary_) {
    throw Error(str(file_.path(), ": token id ", largest, " near token ", first, " is not below the vocabulary of ",
                    vocabulary_));
  }
}

std::vector<std::int64_t> Shard::document_bounds(std::int64_t first, std::int64_t count) const {
  ENSURE(first >= 0 && count >= 0 && count <= documents_ && first <= documents_ - count, file_.path(), ": documents [",
         first, ", ", first + count, ") are outside its ", documents_);
  std::vector<std::uint64_t> offsets(static_cast<std::size_t>(count) + 1);
  document_offsets_.read(first, std::span(offsets));
  return {offsets.begin(), offsets.end()};
}

}  // namespace phalanx::data
