// Spools -> HDF5, one MiB at a time.
#include "data/shard_file.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/crc32c.h"
#include "data/hdf5_file.h"
#include "data/shard_format.h"

namespace phalanx::data {
namespace {

static_assert(std::endian::native == std::endian::little, "shards are little-endian and copied as they are");

template <class T>
std::vector<std::uint32_t> copy_tokens(Spool<std::uint32_t>& from, Hdf5Dataset& to) {
  constexpr std::int64_t kPerChunk = kChunkBytes / static_cast<std::int64_t>(sizeof(T));
  std::vector<std::uint32_t> crcs, ids;
  std::vector<T> chunk;
  for (std::int64_t first = 0; first < to.size(); first += kPerChunk) {
    ids.resize(static_cast<std::size_t>(std::min(kPerChunk, to.size() - first)));
    from.read(first, std::span(ids));
    chunk.assign(ids.begin(), ids.end());
    crcs.push_back(crc32c(chunk.data(), chunk.size() * sizeof(T)));
    to.write<T>(first, chunk);
  }
  return crcs;
}

// The data set `name`: the first `count` offsets, and the end of the last one.
void write_offsets(Hdf5File& file, const char* name, Spool<std::uint64_t>& from, std::int64_t count,
                   std::int64_t tokens) {
  constexpr std::int64_t kPerBlock = kChunkBytes / 8;
  Hdf5Dataset to = file.create_dataset(name, Hdf5Type::u64, count + 1);
  std::vector<std::uint64_t> block;
  for (std::int64_t first = 0; first < count; first += kPerBlock) {
    block.resize(static_cast<std::size_t>(std::min(kPerBlock, count - first)));
    from.read(first, std::span(block));
    to.write<std::uint64_t>(first, block);
  }
  const auto last = static_cast<std::uint64_t>(tokens);
  to.write<std::uint64_t>(count, std::span(&last, 1));
}

void set_attributes(Hdf5File& file, const Manifest& manifest, const ShardEntry& shard) {
  file.set_attribute(attribute::kFormatVersion, kShardFormat);
  file.set_attribute(attribute::kTokenizerKind, manifest.tokenizer_kind);
  file.set_attribute(attribute::kVocabulary, manifest.vocabulary);
  file.set_attribute(attribute::kTokenizerDigest, manifest.tokenizer_digest);
  file.set_attribute(attribute::kSpecialTokens, special_tokens_json(manifest));
  file.set_attribute(attribute::kEndOfText, manifest.end_of_text);
  file.set_attribute(attribute::kSource, manifest.source);
  file.set_attribute(attribute::kTokenCount, shard.tokens);
  file.set_attribute(attribute::kDocumentCount, shard.documents);
}

}  // namespace

std::string special_tokens_json(const Manifest& manifest) {
  return nlohmann::json(manifest.special_tokens).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ShardEntry write_shard_file(const std::string& folder, const std::string& name, const Manifest& manifest,
                            const ShardContent& content) {
  const std::string path = (std::filesystem::path(folder) / name).string();
  ShardEntry shard;
  shard.name = name;
  shard.tokens = content.token_count;
  shard.documents = content.documents.size();
  shard.sentences = content.sentence_count;
  Hdf5File file = Hdf5File::create(path);
  set_attributes(file, manifest, shard);
  {
    write_offsets(file, kDocumentOffsets, content.documents, shard.documents, shard.tokens);
    if (shard.sentences > 0) write_offsets(file, kSentenceOffsets, content.sentences, shard.sentences, shard.tokens);
    Hdf5Dataset ids = file.create_dataset(kTokens, token_type(manifest.vocabulary), shard.tokens);
    shard.token_offset = ids.file_offset();
    shard.chunk_crcs = ids.type() == Hdf5Type::u16 ? copy_tokens<std::uint16_t>(content.tokens, ids)
                                                   : copy_tokens<std::uint32_t>(content.tokens, ids);
  }
  file.close();
  sync_file(path);
  const File raw = File::open_for_reading(path);
  shard.bytes = raw.bytes();
  shard.metadata_crc = crc_outside(raw, shard.token_offset, shard.token_offset + shard.tokens * manifest.token_bytes());
  return shard;
}

std::uint32_t crc_outside(const File& file, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kBlock = std::int64_t{128} << 10;
  std::vector<char> block(static_cast<std::size_t>(kBlock));
  std::uint32_t crc = 0;
  const auto add = [&](std::int64_t from, std::int64_t to) {
    for (; from < to; from += kBlock) {
      const std::int64_t bytes = std::min(kBlock, to - from);
      file.read(block.data(), bytes, from);
      crc = crc32c(block.data(), static_cast<std::size_t>(bytes), crc);
    }
  };
  add(0, begin);
  add(end, file.bytes());
  return crc;
}

}  // namespace phalanx::data
