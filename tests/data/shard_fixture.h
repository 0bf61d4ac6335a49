// A tokenizer of bytes and small folders of shards for tests.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/file.h"
#include "data/shard_writer.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

// Id = byte; 256 ends a text. `vocabulary` above 65,536 makes 32-bit shards.
class ByteTokenizer final : public Tokenizer {
 public:
  explicit ByteTokenizer(std::int64_t vocabulary = 257, bool has_end = true, std::string digest = "d1")
      : vocabulary_(vocabulary), digest_(std::move(digest)) {
    if (has_end) specials_.push_back({"<end>", 256});
  }
  [[nodiscard]] std::string kind() const override { return "bytes"; }
  [[nodiscard]] std::int64_t vocabulary() const override { return vocabulary_; }
  void encode(std::string_view text, std::vector<TokenId>& ids) const override {
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  }
  [[nodiscard]] std::string decode(const std::vector<TokenId>& ids) const override {
    std::string text;
    for (const TokenId id : ids) text += id < 256 ? std::string(1, static_cast<char>(id)) : "<end>";
    return text;
  }
  [[nodiscard]] std::string token_text(TokenId id) const override { return decode({id}); }
  [[nodiscard]] TokenId end_of_text() const override { return specials_.empty() ? -1 : 256; }
  [[nodiscard]] const std::vector<Special>& special_tokens() const override { return specials_; }
  void save(const std::string& folder) const override { write_text(folder + "/bytes.txt", "bytes\n"); }
  [[nodiscard]] std::string digest() const override { return digest_; }

 private:
  std::int64_t vocabulary_;
  std::string digest_;
  std::vector<Special> specials_;
};

inline constexpr std::int64_t kLargeShards = std::int64_t{1} << 30;

// Writes documents of ids into the new folder `folder`.
inline Manifest write_shards(const std::string& folder, const std::vector<std::vector<TokenId>>& documents,
                             const Tokenizer& tokenizer, std::int64_t max_file_bytes = kLargeShards) {
  std::filesystem::create_directories(folder);
  ShardWriter writer({folder, "test", max_file_bytes}, tokenizer);
  for (const auto& document : documents) {
    writer.add_tokens(document);
    writer.end_document();
  }
  return writer.finish();
}

// Documents of odd lengths whose tokens tell where they stand.
inline std::vector<std::vector<TokenId>> numbered_documents(std::size_t count, std::int64_t vocabulary = 250) {
  std::vector<std::vector<TokenId>> documents;
  std::int64_t next = 0;
  for (std::size_t d = 0; d < count; ++d) {
    auto& document = documents.emplace_back(1 + (d * d * 7) % 61);
    for (TokenId& id : document) id = static_cast<TokenId>(next++ % vocabulary);
  }
  return documents;
}

// The message of the Error that `call` throws; "no error" if none.
template <class F>
std::string error_of(F&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace phalanx::data
