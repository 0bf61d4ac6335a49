// Checks of one shard, and reads at places in its bytes.
#include "data/shard.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>

#include "core/check.h"
#include "core/crc32c.h"
#include "data/hdf5_file.h"
#include "data/shard_file.h"
#include "data/shard_format.h"

namespace phalanx::data {
namespace {

constexpr std::int64_t kPage = 512;  // document offsets read at a time: 4 KiB

std::string join(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

template <class T>
void require_equal(const std::string& path, const char* what, const T& found, const T& expected) {
  if (found != expected) throw Error(str(path, ": ", what, " is ", found, ", expected ", expected));
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
  check_hdf5(manifest, entry.token_offset);
  index_offsets();
}

void Shard::check_hdf5(const Manifest& manifest, std::int64_t token_offset) {
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
  require_equal(path, "the place of its tokens", tokens.file_offset(), token_offset);
  const Hdf5Dataset offsets = file.dataset(kDocumentOffsets);
  require_equal(path, "its number of document offsets", offsets.size(), documents_ + 1);
  require_equal(path, "its type of document offsets", offsets.type() == Hdf5Type::u64, true);
  offsets_offset_ = offsets.file_offset();
}

void Shard::index_offsets() {
  std::vector<std::uint64_t> page(static_cast<std::size_t>(kPage));
  std::uint64_t before = 0;
  for (std::int64_t first = 0; first <= documents_; first += kPage) {
    const auto count = static_cast<std::size_t>(std::min(kPage, documents_ + 1 - first));
    read_offsets(first, std::span(page).first(count));
    page_begins_.push_back(page[0]);
    for (std::size_t i = 0; i < count; ++i) {
      const bool ascends = page[i] > before || (first == 0 && i == 0 && page[0] == 0);
      if (!ascends) throw Error(str(file_.path(), ": document offsets must begin at 0 and ascend"));
      before = page[i];
    }
  }
  require_equal(file_.path(), "its last document offset", before, static_cast<std::uint64_t>(tokens_));
}

void Shard::read_offsets(std::int64_t first, std::span<std::uint64_t> offsets) const {
  file_.read(offsets.data(), static_cast<std::int64_t>(offsets.size_bytes()), offsets_offset_ + 8 * first);
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

void Shard::document_begins(std::int64_t first, std::int64_t end, std::vector<std::int64_t>& begins) const {
  const auto above = static_cast<std::uint64_t>(first);
  // The last page that begins at or below `first` holds the first offset above it, or the next page begins with it.
  auto page = std::upper_bound(page_begins_.begin(), page_begins_.end(), above) - page_begins_.begin();
  page = std::max<std::ptrdiff_t>(page - 1, 0);
  std::array<std::uint64_t, kPage> offsets{};
  for (std::int64_t at = page * kPage; at <= documents_; at += kPage) {
    const auto part = std::span(offsets).first(static_cast<std::size_t>(std::min(kPage, documents_ + 1 - at)));
    read_offsets(at, part);
    for (auto offset = std::upper_bound(part.begin(), part.end(), above); offset != part.end(); ++offset) {
      if (*offset >= static_cast<std::uint64_t>(end)) return;
      begins.push_back(static_cast<std::int64_t>(*offset));
    }
  }
}

std::vector<std::int64_t> Shard::document_bounds(std::int64_t first, std::int64_t count) const {
  ENSURE(first >= 0 && count >= 0 && count <= documents_ && first <= documents_ - count, file_.path(), ": documents [",
         first, ", ", first + count, ") are outside its ", documents_);
  std::vector<std::uint64_t> offsets(static_cast<std::size_t>(count) + 1);
  read_offsets(first, std::span(offsets));
  return {offsets.begin(), offsets.end()};
}

}  // namespace phalanx::data
