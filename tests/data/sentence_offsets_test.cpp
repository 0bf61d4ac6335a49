// /sentence_offsets: made at preparation, kept in shards of bounded size, refused when damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/sha256.h"
#include "data/hdf5_file.h"
#include "data/prepare.h"
#include "data/shard_file.h"
#include "data/shard_reader.h"
#include "tests/data/shard_fixture.h"
#include "tests/data/temporary_folder.h"
#include "tests/data/wordpiece_fixture.h"

namespace phalanx::data {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing_wordpiece::train_sample;

// A folder's documents, each a list of sentences, each a list of ids.
using Sentences = std::vector<std::vector<TokenId>>;
std::vector<Sentences> read_back(const std::string& folder) {
  std::vector<Sentences> documents;
  const ShardReader reader(folder);
  for (const auto& shard : reader.shards()) {
    std::vector<std::int64_t> begins = {0};
    shard->sentence_begins(0, shard->tokens(), begins);
    begins.push_back(shard->tokens());
    const auto documents_begin = shard->document_bounds(0, shard->documents());
    for (std::size_t s = 0; s + 1 < begins.size(); ++s) {
      if (std::ranges::binary_search(documents_begin, begins[s])) documents.emplace_back();
      std::vector<TokenId>& ids = documents.back().emplace_back(static_cast<std::size_t>(begins[s + 1] - begins[s]));
      shard->read_tokens(begins[s], std::span(ids));
    }
  }
  return documents;
}

std::vector<TokenId> joined(const Sentences& sentences) {
  std::vector<TokenId> ids;
  for (const auto& sentence : sentences) ids.insert(ids.end(), sentence.begin(), sentence.end());
  return ids;
}

// Documents of sentences whose lengths differ.
std::vector<Sentences> numbered_sentences(std::size_t count) {
  std::vector<Sentences> documents(count);
  std::size_t next = 0;
  for (std::size_t d = 0; d < count; ++d) {
    for (std::size_t s = 0; s <= d % 5; ++s) {
      std::vector<TokenId>& sentence = documents[d].emplace_back(1 + (d * 3 + s) % 17);
      for (TokenId& id : sentence) id = static_cast<TokenId>(next++ % 250);
    }
  }
  return documents;
}

void add_document(ShardWriter& writer, const Sentences& sentences) {
  for (const auto& sentence : sentences) {
    writer.begin_sentence();
    writer.add_tokens(sentence);
  }
  writer.end_document();
}

class SentenceOffsets : public testing::Test {
 protected:
  ShardWriter writer(const std::string& name, std::int64_t max_file_bytes = kLargeShards) {
    std::filesystem::create_directories(folder_ + name);
    return {{folder_ + name, "test", max_file_bytes, true}, tokenizer_};
  }
  void write(const std::vector<Sentences>& documents, std::int64_t max_file_bytes = kLargeShards) {
    ShardWriter to = writer("", max_file_bytes);
    for (const Sentences& document : documents) add_document(to, document);
    to.finish();
  }
  TemporaryFolder temporary_;
  std::string folder_ = temporary_.path() + "/shards";
  ByteTokenizer tokenizer_{257, false};
};

TEST_F(SentenceOffsets, ComeBackFromShardsOfBoundedSize) {
  const auto documents = numbered_sentences(4000);
  write(documents, 80 << 10);
  const ShardReader reader(folder_);
  EXPECT_GT(reader.shards().size(), 4U);
  EXPECT_TRUE(reader.manifest().has_sentences());
  for (const ShardEntry& shard : reader.manifest().shards) {
    EXPECT_LE(static_cast<std::int64_t>(std::filesystem::file_size(folder_ + "/" + shard.name)), 80 << 10);
  }
  EXPECT_EQ(read_back(folder_), documents);
}

TEST_F(SentenceOffsets, ADocumentLargerThanAShardKeepsItsSentences) {
  std::vector<Sentences> documents = numbered_sentences(3);
  documents[1].assign(9000, std::vector<TokenId>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  documents[1].emplace_back(70000, 9);  // a sentence larger than a shard
  write(documents, ShardWriter::kMinFileBytes);
  const ShardReader reader(folder_);
  EXPECT_EQ(reader.manifest().documents, 3);
  std::vector<TokenId> all, expected;
  for (const Sentences& document : read_back(folder_)) {
    for (const auto& sentence : document) all.insert(all.end(), sentence.begin(), sentence.end());
  }
  std::size_t wanted = 0;
  for (const Sentences& document : documents) {
    const std::vector<TokenId> ids = joined(document);
    expected.insert(expected.end(), ids.begin(), ids.end());
    wanted += document.size();
  }
  EXPECT_EQ(all, expected);
  std::int64_t stored = 0;
  for (const ShardEntry& shard : reader.manifest().shards) stored += shard.sentences;
  EXPECT_GE(stored, static_cast<std::int64_t>(wanted));
  EXPECT_LE(stored, static_cast<std::int64_t>(wanted + reader.shards().size()) - 1) << "one more for each cut";
}

TEST_F(SentenceOffsets, MoveWithTheLastDocument) {
  const auto documents = numbered_sentences(15);
  ShardWriter from = writer("/a"), to = writer("/b");
  for (const Sentences& document : documents) add_document(from, document);
  ASSERT_TRUE(from.move_last_document(to));
  from.finish();
  to.finish();
  EXPECT_EQ(read_back(folder_ + "/a"), std::vector<Sentences>(documents.begin(), documents.end() - 1));
  EXPECT_EQ(read_back(folder_ + "/b"), std::vector<Sentences>{documents.back()});
}

TEST_F(SentenceOffsets, AreInTheFileOnlyWhereTheyAreKept) {
  write(numbered_sentences(9));
  const auto names = [&](const std::string& folder) {
    return Hdf5File::open(folder + "/shard_00000.h5").dataset_names();
  };
  EXPECT_EQ(names(folder_), (std::vector<std::string>{"document_offsets", "sentence_offsets", "tokens"}));
  write_shards(folder_ + "2", numbered_documents(9), tokenizer_);
  EXPECT_EQ(names(folder_ + "2"), (std::vector<std::string>{"document_offsets", "tokens"}));
  const ShardReader reader(folder_ + "2");
  EXPECT_FALSE(reader.manifest().has_sentences());
  EXPECT_FALSE(reader.shards()[0]->has_sentences());
}

// Replaces numbers of /sentence_offsets and makes all checksums right again; the message of opening the folder.
std::string refusal_of_offsets(const std::string& folder,
                               const std::function<void(std::vector<std::uint64_t>&)>& edit) {
  const std::string path = folder + "/shard_00000.h5";
  const std::int64_t place = Hdf5File::open(path).dataset("sentence_offsets").file_offset();
  json object = json::parse(read_text(folder + "/manifest.json", 1 << 20));
  std::vector<std::uint64_t> offsets(object["shards"][0]["sentences"].get<std::size_t>() + 1);
  const auto bytes = static_cast<std::int64_t>(offsets.size() * 8);
  const File file = File::open_for_update(path);
  file.read(offsets.data(), bytes, place);
  const std::vector<std::uint64_t> good = offsets;
  const auto seal = [&](const std::vector<std::uint64_t>& numbers) {
    file.write(numbers.data(), bytes, place);
    const auto begin = object["shards"][0]["token_offset"].get<std::int64_t>();
    object.erase("checksum");
    object["shards"][0]["metadata_crc32c"] = crc_outside(file, begin, begin + 2 * object["tokens"].get<std::int64_t>());
    object["checksum"] = sha256_hex(object.dump());
    write_text(folder + "/manifest.json", object.dump());
  };
  edit(offsets);
  seal(offsets);
  std::string message = error_of([&] { const ShardReader reader(folder); });
  seal(good);
  return message;
}

TEST_F(SentenceOffsets, ThatContradictTheTokensAreRefusedNamingTheFile) {
  write(numbered_sentences(700));
  const auto refused = [&](const auto& edit) { return refusal_of_offsets(folder_, edit); };
  using Offsets = std::vector<std::uint64_t>;
  EXPECT_EQ(refused([](Offsets&) {}), "no error");
  EXPECT_THAT(refused([](Offsets& o) { o[0] = 1; }), HasSubstr("shard_00000.h5: sentence offsets must begin at 0"));
  EXPECT_THAT(refused([](Offsets& o) { o[600] = o[599]; }), HasSubstr("sentence offsets must begin at 0 and ascend"));
  EXPECT_THAT(refused([](Offsets& o) { o.back() += 1; }), HasSubstr("its last sentence offset is"));
  // The third document is of three sentences, the first of which begins with it.
  EXPECT_THAT(refused([](Offsets& o) { o[3] += 1; }), HasSubstr("where no sentence does"));
}

TEST_F(SentenceOffsets, DamagedBytesAreRefusedBeforeTheyAreUsed) {
  write(numbered_sentences(700));
  const std::string path = folder_ + "/shard_00000.h5";
  const std::int64_t place = Hdf5File::open(path).dataset("sentence_offsets").file_offset();
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(place + 8 * 100);
  file.put('\x7f').flush();
  EXPECT_THAT(error_of([&] { const ShardReader reader(folder_); }),
              HasSubstr(path + ": damaged: the checksum of its metadata"));
}

TEST_F(SentenceOffsets, ThatTheManifestAloneClaimsAreRefused) {
  write_shards(folder_, numbered_documents(50), tokenizer_);
  const auto claim = [&](std::int64_t sentences) {
    json object = json::parse(read_text(folder_ + "/manifest.json", 1 << 20));
    object.erase("checksum");
    object["shards"][0]["sentences"] = sentences;
    object["checksum"] = sha256_hex(object.dump());
    write_text(folder_ + "/manifest.json", object.dump());
    return error_of([&] { const ShardReader reader(folder_); });
  };
  EXPECT_THAT(claim(70), HasSubstr("sentence_offsets"));
  EXPECT_THAT(claim(49), HasSubstr("'sentences' must be an integer from 50"));
}

std::string sentence_corpus() {
  std::string text;
  for (std::uint32_t i = 0; i < 30000; ++i) {
    text += testing_wordpiece::kSampleText.substr((i * 7919) % 90, 3 + (i * 31) % 17);
    text += i % 97 == 0 ? "\n\n" : i % 7 == 0 ? ". Then " : " ";
  }
  return text;
}

TEST_F(SentenceOffsets, PrepareStoresThemForWordPieceAndLeavesTheIdsAlone) {
  const std::string text = sentence_corpus();
  ASSERT_GT(text.size(), std::size_t{256} << 10) << "or the document is not cut";
  PrepareOptions options;
  options.output = temporary_.path() + "/out";
  options.text.inputs = {temporary_.write("in/a.txt", text), temporary_.write("in/b.txt", "Hello world. The cat sat.")};
  const WordPieceTokenizer tokenizer(train_sample(100).model);
  std::vector<Sentences> first;
  for (const int workers : {1, 3}) {
    std::filesystem::remove_all(options.output);
    options.workers = workers;
    prepare(options, tokenizer);
    const auto documents = read_back(options.output + "/train");
    ASSERT_EQ(documents.size(), 2U);
    EXPECT_EQ(joined(documents[0]), testing_wordpiece::encode(tokenizer, text));
    EXPECT_GT(documents[0].size(), 4000U);
    EXPECT_EQ(documents[1].size(), 2U);
    EXPECT_EQ(tokenizer.decode(documents[1][1]), "the cat sat .");
    if (!first.empty()) {
      EXPECT_EQ(documents, first);
    }
    first = documents;
  }
}

}  // namespace
}  // namespace phalanx::data
