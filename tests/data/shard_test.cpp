// Shards: written, read back, damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/crc32c.h"
#include "core/random.h"
#include "core/sha256.h"
#include "data/hdf5_file.h"
#include "data/shard_file.h"
#include "data/shard_format.h"
#include "data/shard_reader.h"
#include "tests/data/shard_fixture.h"
#include "tests/data/temporary_folder.h"

namespace phalanx::data {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::vector<std::int32_t> all_tokens(const ShardReader& reader) {
  std::vector<std::int32_t> all;
  for (const auto& shard : reader.shards()) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(shard->tokens()));
    shard->read_tokens(0, std::span(ids));
    all.insert(all.end(), ids.begin(), ids.end());
  }
  return all;
}

std::vector<std::int32_t> joined(const std::vector<std::vector<TokenId>>& documents, TokenId end) {
  std::vector<std::int32_t> all;
  for (const auto& document : documents) {
    all.insert(all.end(), document.begin(), document.end());
    if (end >= 0) all.push_back(end);
  }
  return all;
}

class ShardTest : public testing::Test {
 protected:
  TemporaryFolder temporary_;
  std::string folder_ = temporary_.path() + "/shards";
};

TEST_F(ShardTest, TokensAndDocumentsComeBack) {
  const auto documents = numbered_documents(1201);
  for (const std::int64_t vocabulary : {257, 65536, 65537, 200000}) {
    std::filesystem::remove_all(folder_);
    const Manifest written = write_shards(folder_, documents, ByteTokenizer(vocabulary));
    const ShardReader reader(folder_);
    EXPECT_EQ(reader.manifest().token_bytes(), vocabulary <= 65536 ? 2 : 4);
    EXPECT_EQ(all_tokens(reader), joined(documents, 256));
    EXPECT_EQ(reader.manifest().documents, 1201);
    EXPECT_EQ(data_digest(reader.manifest()), data_digest(written));
    const auto bounds = reader.shards()[0]->document_bounds(0, 1201);
    for (std::size_t d = 0; d < documents.size(); ++d) {
      EXPECT_EQ(bounds[d + 1] - bounds[d], static_cast<std::int64_t>(documents[d].size()) + 1);
    }
  }
}

TEST_F(ShardTest, TheFileIsTheOneOfTheFormat) {
  write_shards(folder_, numbered_documents(9), ByteTokenizer());
  const Hdf5File file = Hdf5File::open(folder_ + "/shard_00000.h5");
  EXPECT_EQ(file.dataset_names(), (std::vector<std::string>{"document_offsets", "tokens"}));
  EXPECT_EQ(file.dataset("tokens").type(), Hdf5Type::u16);
  EXPECT_EQ(file.dataset("document_offsets").type(), Hdf5Type::u64);
  EXPECT_EQ(file.integer_attribute("format_version"), 1);
  EXPECT_EQ(file.string_attribute("tokenizer_kind"), "bytes");
  EXPECT_EQ(file.string_attribute("special_tokens"), "{\"<end>\":256}");
  EXPECT_EQ(file.integer_attribute("documents"), 9);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/tokenizer/bytes.txt"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/tokens.part"));
}

TEST_F(ShardTest, EqualContentIsEqualBytes) {
  const Manifest a = write_shards(folder_, numbered_documents(50), ByteTokenizer());
  const Manifest b = write_shards(folder_ + "2", numbered_documents(50), ByteTokenizer());
  EXPECT_EQ(data_digest(a), data_digest(b));
  const Manifest c = write_shards(folder_ + "3", numbered_documents(51), ByteTokenizer());
  EXPECT_NE(data_digest(a), data_digest(c));
}

TEST_F(ShardTest, FilesStayBelowTheirBoundAndDocumentsWhole) {
  const auto documents = numbered_documents(5000);
  const std::int64_t bound = 80 << 10;
  write_shards(folder_, documents, ByteTokenizer(), bound);
  const ShardReader reader(folder_);
  EXPECT_GT(reader.shards().size(), 4U);
  for (const ShardEntry& shard : reader.manifest().shards) {
    EXPECT_LE(static_cast<std::int64_t>(std::filesystem::file_size(folder_ + "/" + shard.name)), bound);
  }
  EXPECT_EQ(all_tokens(reader), joined(documents, 256));
  std::int64_t entries = 0;
  for (const auto& shard : reader.shards()) entries += shard->documents();
  EXPECT_EQ(entries, 5000) << "none was cut";
}

TEST_F(ShardTest, ADocumentLargerThanAShardIsCutAndCountedOnce) {
  std::vector<std::vector<TokenId>> documents = numbered_documents(7);
  documents[3].resize(100000);
  for (std::size_t i = 0; i < documents[3].size(); ++i) documents[3][i] = static_cast<TokenId>(i % 251);
  write_shards(folder_, documents, ByteTokenizer(), ShardWriter::kMinFileBytes);
  const ShardReader reader(folder_);
  EXPECT_EQ(all_tokens(reader), joined(documents, 256));
  EXPECT_EQ(reader.manifest().documents, 7);
}

TEST_F(ShardTest, WithoutEndOfTextEmptyDocumentsVanish) {
  const std::vector<std::vector<TokenId>> documents = {{1, 2}, {}, {3}};
  write_shards(folder_, documents, ByteTokenizer(257, false));
  const ShardReader reader(folder_);
  EXPECT_EQ(all_tokens(reader), joined(documents, -1));
  EXPECT_EQ(reader.manifest().documents, 2);
}

TEST_F(ShardTest, TheLastDocumentCanMove) {
  std::filesystem::create_directories(folder_ + "/a");
  std::filesystem::create_directories(folder_ + "/b");
  const auto documents = numbered_documents(5);
  const ByteTokenizer tokenizer;
  ShardWriter from({folder_ + "/a", "a", kLargeShards}, tokenizer), to({folder_ + "/b", "b", kLargeShards}, tokenizer);
  for (const auto& document : documents) {
    from.add_tokens(document);
    from.add_text_bytes(10);
    from.end_document();
  }
  EXPECT_TRUE(from.move_last_document(to));
  EXPECT_FALSE(to.move_last_document(from)) << "it is the only one";
  const Manifest& a = from.finish();
  const Manifest& b = to.finish();
  EXPECT_EQ(a.text_bytes, 40);
  EXPECT_EQ(b.text_bytes, 10);
  const ShardReader left(folder_ + "/a"), right(folder_ + "/b");  // which checks sums
  EXPECT_EQ(all_tokens(left), joined({documents.begin(), documents.begin() + 4}, 256));
  EXPECT_EQ(all_tokens(right), joined({documents[4]}, 256));
  EXPECT_EQ(a.token_counts[256], 4);
}

TEST_F(ShardTest, DocumentBeginsAreFoundAnywhere) {
  write_shards(folder_, numbered_documents(3000), ByteTokenizer());  // several pages of offsets
  const ShardReader reader(folder_);
  const Shard& shard = *reader.shards()[0];
  const auto bounds = shard.document_bounds(0, 3000);
  for (const std::int64_t length : {1, 2, 65, 5000}) {
    for (std::int64_t first = 0; first + length <= shard.tokens(); first += 997) {
      std::vector<std::int64_t> found, expected;
      shard.document_begins(first, first + length, found);
      for (const std::int64_t d : bounds) {
        if (d > first && d < first + length) expected.push_back(d);
      }
      ASSERT_EQ(found, expected) << first << " + " << length;
    }
  }
}

TEST_F(ShardTest, OpeningNamesWhatIsWrong) {
  const std::string path = folder_ + "/shard_00000.h5";
  const auto opened = [&] { return error_of([&] { all_tokens(ShardReader(folder_)); }); };
  EXPECT_THAT(opened(), HasSubstr("no such folder"));
  std::filesystem::create_directories(folder_);
  EXPECT_THAT(opened(), HasSubstr("holds no manifest.json"));
  write_shards(folder_, numbered_documents(100), ByteTokenizer());
  EXPECT_EQ(opened(), "no error");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_THAT(opened(), HasSubstr(path + ": its size in bytes is"));
  write_text(path, "foreign");
  EXPECT_THAT(opened(), HasSubstr(path));
  std::filesystem::remove(path);
  EXPECT_THAT(opened(), HasSubstr(path + ": cannot open: No such file"));
}

// Replaces the manifest by an edited one whose checksum is right.
void edit_manifest(const std::string& folder, const std::function<void(json&)>& edit) {
  std::ifstream in(folder + "/manifest.json");
  json object = json::parse(in);
  object.erase("checksum");
  edit(object);
  object["checksum"] = sha256_hex(object.dump());
  write_text(folder + "/manifest.json", object.dump());
}

TEST_F(ShardTest, ManifestsThatDoNotFitAreRefusedNamingTheKey) {
  write_shards(folder_, numbered_documents(100), ByteTokenizer());
  const std::string good = read_text(folder_ + "/manifest.json", 1 << 20);
  const auto edited = [&](const std::function<void(json&)>& edit) {
    write_text(folder_ + "/manifest.json", good);
    edit_manifest(folder_, edit);
    return error_of([&] { const ShardReader reader(folder_); });
  };
  EXPECT_EQ(edited([](json&) {}), "no error");
  EXPECT_THAT(edited([](json& m) { m["format"] = 7; }), HasSubstr("format 7 is unknown; this program reads format 1"));
  EXPECT_THAT(edited([](json& m) { m.erase("tokens"); }), HasSubstr("no key 'tokens'"));
  EXPECT_THAT(edited([](json& m) { m["tokens"] = "many"; }), HasSubstr("'tokens' must be an integer"));
  EXPECT_THAT(edited([](json& m) { m["tokens"] = 1e300; }), HasSubstr("'tokens' must be an integer"));
  EXPECT_THAT(edited([](json& m) { m["tokens"] = ~std::uint64_t{0}; }), HasSubstr("'tokens' must be an integer"));
  EXPECT_THAT(edited([](json& m) { m["vocabulary"] = 258; }), HasSubstr("'token_counts' must have 258"));
  EXPECT_THAT(edited([](json& m) { m["token_counts"][5] = 0; }), HasSubstr("'token_counts' must have"));
  EXPECT_THAT(edited([](json& m) { m["shards"][0]["name"] = "../x.h5"; }), HasSubstr("not a plain file name"));
  EXPECT_THAT(edited([](json& m) { m["shards"] = json::array(); }), HasSubstr("its shards hold 0 tokens"));
  EXPECT_THAT(edited([](json& m) { m["shards"][0]["chunk_crc32c"] = {1, 2}; }), HasSubstr("one entry per MiB"));
  EXPECT_THAT(edited([](json& m) { m["shards"][0]["token_offset"] = std::int64_t{1} << 55; }),
              HasSubstr("token_offset"));
  EXPECT_THAT(edited([](json& m) { m["shards"][0]["documents"] = 3; }), HasSubstr("number of document offsets"));
  EXPECT_THAT(edited([](json& m) { m["tokenizer_digest"] = "d2"; }),
              HasSubstr("its tokenizer digest is d1, expected d2"));
  for (const char* text : {"", "{", "[]", "null", "{\"format\":1}"}) {
    write_text(folder_ + "/manifest.json", text);
    EXPECT_THAT(error_of([&] { const ShardReader reader(folder_); }), HasSubstr("manifest.json")) << text;
  }
  write_text(folder_ + "/manifest.json", good);
  std::string flipped = good;
  flipped[flipped.find("\"documents\":100") + 12] = '2';
  write_text(folder_ + "/manifest.json", flipped);
  EXPECT_THAT(error_of([&] { const ShardReader reader(folder_); }), HasSubstr("damaged or edited"));
}

TEST_F(ShardTest, IdsBeyondTheVocabularyAreRefused) {
  write_shards(folder_, numbered_documents(10), ByteTokenizer());
  const std::string path = folder_ + "/shard_00000.h5";
  std::string bytes = read_text(path, 1 << 20);
  const std::string good_manifest = read_text(folder_ + "/manifest.json", 1 << 20);
  const auto offset = json::parse(good_manifest)["shards"][0]["token_offset"].get<std::size_t>();
  const auto reseal = [&] {  // with checksums that match what has been changed
    write_text(path, bytes);
    edit_manifest(folder_, [&](json& m) {
      const auto tokens = static_cast<std::int64_t>(m["tokens"]);
      const File raw = File::open_for_reading(path);
      const auto begin = static_cast<std::int64_t>(offset);
      m["shards"][0]["metadata_crc32c"] = crc_outside(raw, begin, begin + 2 * tokens);
      m["shards"][0]["chunk_crc32c"][0] = crc32c(bytes.data() + offset, static_cast<std::size_t>(2 * tokens));
    });
    return error_of([&] { all_tokens(ShardReader(folder_)); });
  };
  bytes[offset + 4] = '\x01';  // id 257 or more
  bytes[offset + 5] = '\x01';
  EXPECT_THAT(reseal(), HasSubstr("token id 257 near token 0 is not below the vocabulary of 257"));
}

TEST_F(ShardTest, AnyFlippedBitIsAnErrorOrEqualData) {
  const auto documents = numbered_documents(40);
  write_shards(folder_, documents, ByteTokenizer());
  const auto expected = joined(documents, 256);
  for (const std::string name : {"shard_00000.h5", "manifest.json"}) {
    const std::string path = folder_ + "/" + name;
    const std::string good = read_text(path, 1 << 20);
    int refused = 0;
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    const auto put = [&](std::uint64_t at, char byte) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put(byte).flush();
    };
    for (std::uint64_t i = 0; i < 2000; ++i) {
      const std::uint64_t at = random_u64({7, Purpose::data_split, 0, 0}, i) % good.size();
      put(at, static_cast<char>(good[at] ^ (1 << (i % 8))));
      try {
        ASSERT_EQ(all_tokens(ShardReader(folder_)), expected) << name << " byte " << at;
      } catch (const Error& error) {
        ASSERT_THAT(error.what(), HasSubstr(folder_));
        ++refused;
      }
      put(at, good[at]);
    }
    EXPECT_GT(refused, 1990) << name << ": only white space may change";
  }
}

TEST_F(ShardTest, ShortenedFilesAreErrors) {
  write_shards(folder_, numbered_documents(40), ByteTokenizer());
  for (const std::string name : {"shard_00000.h5", "manifest.json"}) {
    const std::string path = folder_ + "/" + name;
    const std::string good = read_text(path, 1 << 20);
    for (std::size_t size = good.size() - 2; size > 13; size -= 13) {
      std::filesystem::resize_file(path, size);
      ASSERT_THAT(error_of([&] { all_tokens(ShardReader(folder_)); }), HasSubstr(name)) << size;
    }
    std::ofstream(path, std::ios::binary) << good;
  }
}

TEST_F(ShardTest, DamageIsFoundWhenItsMibIsTouchedByAnyThread) {
  std::vector<std::vector<TokenId>> documents(1, std::vector<TokenId>(1700000));
  for (std::size_t i = 0; i < documents[0].size(); ++i) documents[0][i] = static_cast<TokenId>(i % 251);
  const Manifest manifest = write_shards(folder_, documents, ByteTokenizer());
  ASSERT_EQ(manifest.shards[0].chunk_crcs.size(), 4U);
  const std::string path = folder_ + "/shard_00000.h5";
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(manifest.shards[0].token_offset + kChunkBytes + 12345);
  file.put('\x7f').flush();
  const ShardReader reader(folder_);  // opening does not read tokens
  const Shard& shard = *reader.shards()[0];
  const auto read = [&](std::int64_t first, std::size_t count) {
    return error_of([&] {
      std::vector<std::int32_t> ids(count);
      shard.read_tokens(first, std::span(ids));
    });
  };
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      EXPECT_EQ(read(0, 1000), "no error");
      EXPECT_THAT(read(kChunkBytes / 2 - 1, 2), HasSubstr("tokens 524288 to 1048576 does not match"));
      EXPECT_EQ(read(kChunkBytes, 600000), "no error");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(read(1700000, 2), HasSubstr("are outside"));
}

}  // namespace
}  // namespace phalanx::data
