// Files in Megatron's and llm.c's formats, written byte by byte, good and bad.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>

#include "tests/data/import_fixture.h"
#include "tests/data/shard_fixture.h"
#include "tests/data/temporary_folder.h"

namespace phalanx::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_import::bytes;
using testing_import::put;
namespace fs = std::filesystem;

constexpr TokenId kEnd = 256;  // of ByteTokenizer

class ImportTest : public testing::Test {
 protected:
  explicit ImportTest(ImportFormat from) {
    options_.from = from;
    options_.parts.output = folder_ / "out";
  }
  ImportReport import() { return import_tokens(options_, *tokenizer_); }
  // The message of the refusal, which leaves nothing behind.
  std::string refusal() {
    std::string message = error_of([&] { import(); });
    EXPECT_FALSE(fs::exists(options_.parts.output)) << message;
    return message;
  }
  [[nodiscard]] std::string train() const { return options_.parts.output + "/train"; }

  TemporaryFolder folder_;
  ImportOptions options_;
  std::unique_ptr<Tokenizer> tokenizer_ = std::make_unique<ByteTokenizer>();
};

// Documents of sequences of tokens.
using Corpus = std::vector<std::vector<std::vector<TokenId>>>;

template <class T>
struct MegatronBytes {
  MegatronBytes(const Corpus& corpus, std::uint8_t code) {
    std::vector<std::int32_t> lengths;
    std::vector<std::int64_t> begins, ends = {0};
    for (const auto& document : corpus) {
      for (const auto& sequence : document) {
        lengths.push_back(static_cast<std::int32_t>(sequence.size()));
        begins.push_back(static_cast<std::int64_t>(bin.size()));
        bin += bytes(std::vector<T>(sequence.begin(), sequence.end()));
      }
      ends.push_back(static_cast<std::int64_t>(lengths.size()));
    }
    idx = std::string("MMIDIDX\0\0", 9) + bytes<std::uint64_t>({1}) + bytes<std::uint8_t>({code}) +
          bytes<std::uint64_t>({lengths.size(), ends.size()}) + bytes(lengths) + bytes(begins) + bytes(ends);
  }
  std::string idx, bin;
};

const Corpus kCorpus = {{{1, 2, 3, kEnd}}, {{4, 5}, {6}}, {}, {{7, kEnd, 8, kEnd}}};
constexpr std::size_t kLengths = 34, kBegins = kLengths + 4 * 4, kDocuments = kBegins + 4 * 8;

class ImportMegatron : public ImportTest {
 protected:
  ImportMegatron() : ImportTest(ImportFormat::megatron) { options_.inputs = {folder_ / "corpus"}; }
  void write(const MegatronBytes<std::uint16_t>& files) {
    folder_.write("corpus.idx", files.idx);
    folder_.write("corpus.bin", files.bin);
  }
  std::string refusal_of(const MegatronBytes<std::uint16_t>& files) {
    write(files);
    return refusal();
  }
  MegatronBytes<std::uint16_t> good_{kCorpus, 8};
};

TEST_F(ImportMegatron, DocumentsComeWithOneEndOfTextEach) {
  write(good_);
  const ImportReport report = import();
  const std::vector<std::vector<TokenId>> expected = {{1, 2, 3, kEnd}, {4, 5, 6, kEnd}, {7, kEnd, 8, kEnd}};
  EXPECT_EQ(testing_import::documents(train()), expected);
  EXPECT_EQ(report.tokens_read, 11);
  EXPECT_EQ(report.ends_added, 1);
  EXPECT_EQ(report.empty_documents, 1);
  EXPECT_EQ(report.train.tokens, 12);
}

TEST_F(ImportMegatron, EveryIntegerTypeGivesTheSameTokens) {
  const auto expect_same = [&]<class T>(std::uint8_t code, T) {
    const Corpus corpus = {{{1, 2, 3}}, {{4, 5}, {101}}};
    const MegatronBytes<T> files(corpus, code);
    folder_.write("corpus.idx", files.idx);
    folder_.write("corpus.bin", files.bin);
    fs::remove_all(options_.parts.output);
    import();
    EXPECT_EQ(testing_import::stream(train()), std::vector<TokenId>({1, 2, 3, kEnd, 4, 5, 101, kEnd})) << +code;
  };
  expect_same(1, std::uint8_t{});
  expect_same(2, std::int8_t{});
  expect_same(3, std::int16_t{});
  expect_same(4, std::int32_t{});
  expect_same(5, std::int64_t{});
  expect_same(8, std::uint16_t{});
}

TEST_F(ImportMegatron, FilesLongerThanBlocksComeWhole) {
  Corpus corpus(9000, {{1}, {2, 3}});
  corpus[17] = {std::vector<TokenId>(200001, 9)};
  for (std::size_t d = 0; d < corpus.size(); ++d) corpus[d][0][0] = static_cast<TokenId>(d % 256);
  std::vector<TokenId> expected;
  for (const auto& document : corpus) {
    for (const auto& sequence : document) expected.insert(expected.end(), sequence.begin(), sequence.end());
    expected.push_back(kEnd);
  }
  write({corpus, 8});
  options_.parts.max_file_bytes = 200 << 10;
  import();
  EXPECT_EQ(testing_import::stream(train()), expected);
  EXPECT_GT(ShardReader(train()).shards().size(), 2U);
}

TEST_F(ImportMegatron, ValidationTakesDocumentsFromTraining) {
  Corpus corpus;
  for (TokenId d = 0; d < 200; ++d) corpus.push_back({{d, d, kEnd}});
  write({corpus, 8});
  options_.parts.validation_fraction = 0.2;
  const ImportReport report = import();
  EXPECT_GT(report.validation.documents, 10);
  auto all = testing_import::documents(train());
  for (auto& document : testing_import::documents(options_.parts.output + "/validation")) all.push_back(document);
  std::ranges::sort(all);
  ASSERT_EQ(all.size(), 200U);
  EXPECT_EQ(all[137], std::vector<TokenId>({137, 137, kEnd}));
}

TEST_F(ImportMegatron, EitherNameOfThePairIsTaken) {
  write(good_);
  options_.inputs = {folder_ / "corpus.bin", folder_ / "corpus.idx"};
  EXPECT_EQ(import().tokens_read, 11) << "once";
}

TEST_F(ImportMegatron, ForeignHeadersAreRefused) {
  auto files = good_;
  files.idx[0] = 'X';
  EXPECT_THAT(refusal_of(files), AllOf(HasSubstr("corpus.idx, byte 0"), HasSubstr("MMIDIDX")));
  files.idx = std::string("TNTIDX\0\0", 8) + files.idx;
  EXPECT_THAT(refusal_of(files), HasSubstr("preprocess_data.py"));
  files = good_;
  put<std::uint64_t>(files.idx, 9, 2);
  EXPECT_THAT(refusal_of(files), HasSubstr("byte 9: version 2"));
  files = good_;
  put<std::uint8_t>(files.idx, 17, 7);
  EXPECT_THAT(refusal_of(files), HasSubstr("byte 17: type 7 is a float"));
  put<std::uint8_t>(files.idx, 17, 9);
  EXPECT_THAT(refusal_of(files), HasSubstr("byte 17: type 9 is unknown"));
}

TEST_F(ImportMegatron, EveryCutIsFound) {
  for (std::size_t bytes = 0; bytes < good_.idx.size(); bytes += 5) {
    auto files = good_;
    files.idx.resize(bytes);
    EXPECT_THAT(refusal_of(files), HasSubstr("corpus.idx")) << bytes;
  }
  for (std::size_t bytes = 0; bytes < good_.bin.size(); ++bytes) {
    auto files = good_;
    files.bin.resize(bytes);
    EXPECT_THAT(refusal_of(files), HasSubstr("corpus.bin")) << bytes;
  }
}

TEST_F(ImportMegatron, LyingCountsAreRefusedWithoutTheirMemory) {
  for (const std::size_t offset : {18, 26}) {
    for (const std::uint64_t claim : {std::uint64_t{8}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
      auto files = good_;
      put(files.idx, offset, claim);
      EXPECT_THAT(refusal_of(files), HasSubstr(str("byte ", offset, ": claims ", claim)));
    }
  }
  auto files = good_;
  files.idx += "abc";
  EXPECT_THAT(refusal_of(files), HasSubstr("3 bytes are left over"));
  files = good_;
  files.idx += "mode";
  EXPECT_THAT(refusal_of(files), HasSubstr("modes of sequences"));
  files = good_;
  files.bin += "ab";
  EXPECT_THAT(refusal_of(files), HasSubstr("2 bytes follow the last sequence"));
}

TEST_F(ImportMegatron, LyingEntriesAreNamedByTheirByte) {
  auto files = good_;
  put<std::int32_t>(files.idx, kLengths + 4, std::numeric_limits<std::int32_t>::max());
  EXPECT_THAT(refusal_of(files), HasSubstr(str("byte ", kLengths + 4, ": claims a sequence of 2147483647 tokens")));
  put<std::int32_t>(files.idx, kLengths + 4, -1);
  EXPECT_THAT(refusal_of(files), HasSubstr(str("byte ", kLengths + 4, ": claims a sequence of -1 tokens")));
  files = good_;
  put<std::int64_t>(files.idx, kBegins + 8, 0);  // the same tokens again
  EXPECT_THAT(refusal_of(files), HasSubstr(str("byte ", kBegins + 8, ": a sequence begins at byte 0")));
  files = good_;
  put<std::int64_t>(files.idx, kDocuments, 1);
  EXPECT_THAT(refusal_of(files), HasSubstr(str("byte ", kDocuments, ": the first document begins at sequence 1")));
  for (const std::int64_t end : {std::int64_t{0}, std::int64_t{5}, std::numeric_limits<std::int64_t>::max()}) {
    files = good_;
    put<std::int64_t>(files.idx, kDocuments + 16, end);
    EXPECT_THAT(refusal_of(files), HasSubstr(str("byte ", kDocuments + 16, ": a document ends after ", end)));
  }
  files = good_;
  put<std::int64_t>(files.idx, kDocuments + 32, 3);
  EXPECT_THAT(refusal_of(files), HasSubstr("the last document ends after 3 sequences of 4"));
}

TEST_F(ImportMegatron, IdsBeyondTheVocabularyAreNamed) {
  EXPECT_THAT(refusal_of({{{{1, 2, 257}}}, 8}),
              AllOf(HasSubstr("corpus.bin, byte 4: id 257"), HasSubstr("--tokenizer")));
  const MegatronBytes<std::int64_t> negative({{{1, -5}}}, 5);
  folder_.write("corpus.idx", negative.idx);
  folder_.write("corpus.bin", negative.bin);
  EXPECT_THAT(refusal(), HasSubstr("corpus.bin, byte 8: id -5"));
}

TEST_F(ImportMegatron, MissingFilesAndEmptyOnesAreRefused) {
  EXPECT_THAT(refusal(), HasSubstr("corpus: no such file"));
  EXPECT_THAT(refusal_of({{}, 8}), HasSubstr("holds no tokens"));
  fs::remove(folder_ / "corpus.bin");
  EXPECT_THAT(refusal(), HasSubstr("corpus.bin: cannot open"));
}

class ImportLlmc : public ImportTest {
 protected:
  ImportLlmc() : ImportTest(ImportFormat::llmc) {}
  template <class T>
  std::string file(const std::vector<T>& tokens, std::int32_t magic, std::int32_t version) {
    std::vector<std::int32_t> header(256);
    header[0] = magic, header[1] = version, header[2] = static_cast<std::int32_t>(tokens.size());
    return bytes(header) + bytes(tokens);
  }
  std::string gpt2(const std::vector<std::uint16_t>& tokens) { return file(tokens, 20240520, 1); }
  void write(const std::string& name, const std::string& content) {
    folder_.write(name, content);
    options_.inputs.push_back(folder_ / name);
  }
  std::string refusal_of(const std::string& content) {
    options_.inputs.clear();
    write("a.bin", content);
    return refusal();
  }
};

TEST_F(ImportLlmc, FilesAreOneStreamTurnedByOnePlace) {
  write("a.bin", gpt2({256, 1, 2, 256, 3}));
  write("b.bin", gpt2({4, 256, 5}));
  const ImportReport report = import();
  const std::vector<std::vector<TokenId>> expected = {{1, 2, kEnd}, {3, 4, kEnd}, {5, kEnd}};
  EXPECT_EQ(testing_import::documents(train()), expected);
  EXPECT_EQ(report.train.tokens, 8) << "as many as in the files";
}

TEST_F(ImportLlmc, WideTokensOfTheSecondKindAreRead) {
  tokenizer_ = std::make_unique<ByteTokenizer>(128256);
  write("a.bin", file<std::uint32_t>({256, 128255, 70000}, 20240801, 7));
  import();
  EXPECT_EQ(testing_import::stream(train()), std::vector<TokenId>({128255, 70000, kEnd}));
}

TEST_F(ImportLlmc, FilesLongerThanBlocksComeWhole) {
  std::vector<std::uint16_t> tokens;
  for (std::uint32_t i = 0; i < 150001; ++i) tokens.push_back(i % 911 == 0 ? 256 : static_cast<std::uint16_t>(i % 251));
  write("a.bin", gpt2(tokens));
  import();
  std::vector<TokenId> expected(tokens.begin() + 1, tokens.end());
  expected.push_back(kEnd);
  EXPECT_EQ(testing_import::stream(train()), expected);
}

TEST_F(ImportLlmc, LyingAndForeignHeadersAreRefused) {
  const std::string good = gpt2({256, 1, 2});
  EXPECT_THAT(refusal_of(good.substr(0, 1023)), HasSubstr("a.bin: has 1023 bytes"));
  for (const std::size_t bytes : {std::size_t{1024}, good.size() - 2, good.size() - 1}) {
    EXPECT_THAT(refusal_of(good.substr(0, bytes)), HasSubstr("byte 8: claims 3 tokens"));
  }
  EXPECT_THAT(refusal_of(good + "ab"), HasSubstr("byte 8: claims 3 tokens"));
  for (const std::int32_t claim : {-1, 2, 4, std::numeric_limits<std::int32_t>::max()}) {
    std::string lying = good;
    put(lying, 8, claim);
    EXPECT_THAT(refusal_of(lying), HasSubstr(str("byte 8: claims ", claim, " tokens")));
  }
  EXPECT_THAT(refusal_of(file<std::uint16_t>({1}, 1234, 1)), HasSubstr("byte 0: magic 1234"));
  EXPECT_THAT(refusal_of(file<std::uint16_t>({1}, 20240522, 1)), HasSubstr("multiple-choice"));
  EXPECT_THAT(refusal_of(file<std::uint16_t>({1}, 20240520, 2)), HasSubstr("byte 4: version 2"));
  EXPECT_THAT(refusal_of(file<std::uint16_t>({1}, 20240801, 7)), HasSubstr("of 4 bytes, but 2 bytes follow"));
}

TEST_F(ImportLlmc, IdsBeyondTheVocabularyAreNamed) {
  EXPECT_THAT(refusal_of(gpt2({256, 1, 50256})), HasSubstr("a.bin, byte 1028: id 50256"));
}

TEST_F(ImportLlmc, ADamagedSecondFileIsFoundBeforeTheFirstIsRead) {
  write("a.bin", gpt2({256, 257}));  // would be refused for its id
  write("b.bin", gpt2({256}).substr(0, 1025));
  EXPECT_THAT(refusal(), HasSubstr("b.bin, byte 8"));
}

TEST_F(ImportLlmc, ATokenizerWithoutEndOfTextIsRefused) {
  write("a.bin", gpt2({1, 2}));
  tokenizer_ = std::make_unique<ByteTokenizer>(257, false);
  EXPECT_THAT(refusal(), HasSubstr("end of text"));
}

TEST(ImportFormat, UnknownNamesAreRefused) {
  EXPECT_THAT(error_of([] { import_format_from_name("fairseq"); }), HasSubstr("--from must be megatron"));
}

}  // namespace
}  // namespace phalanx::data
