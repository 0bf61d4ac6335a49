// Text -> shards -> text, with the real tokenizer where it matters.
#include "data/prepare.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "data/inspect.h"
#include "data/shard_reader.h"
#include "tests/data/bpe_fixture.h"
#include "tests/data/shard_fixture.h"
#include "tests/data/temporary_folder.h"

namespace phalanx::data {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

// The documents of a folder of shards, decoded, without the end of text.
std::vector<std::string> decoded(const std::string& folder, const Tokenizer& tokenizer) {
  std::vector<std::string> texts;
  const ShardReader reader(folder);
  for (const auto& shard : reader.shards()) {
    const auto bounds = shard->document_bounds(0, shard->documents());
    for (std::size_t d = 0; d + 1 < bounds.size(); ++d) {
      std::vector<std::int32_t> ids(static_cast<std::size_t>(bounds[d + 1] - bounds[d]));
      shard->read_tokens(bounds[d], std::span(ids));
      EXPECT_EQ(ids.back(), tokenizer.end_of_text());
      ids.pop_back();
      texts.push_back(tokenizer.decode(ids));
    }
  }
  return texts;
}

class PrepareTest : public testing::Test {
 protected:
  PrepareTest() {
    options_.output = output_;
    options_.workers = 2;
  }
  std::string write(const std::string& name, const std::string& bytes) { return folder_.write("in/" + name, bytes); }
  std::string refusal() {
    return error_of([&] { prepare(options_, bytes_); });
  }
  [[nodiscard]] bool left_nothing() const { return !fs::exists(output_); }

  TemporaryFolder folder_;
  std::string output_ = folder_.path() + "/out";
  PrepareOptions options_;
  ByteTokenizer bytes_;
};

TEST_F(PrepareTest, ManyScriptsComeBackAsTheyWere) {
  const std::vector<std::string> texts = {"Plain ASCII, with  spaces and\ttabs.\nAnd lines.",
                                          "Ελληνικά και ñandú, naïve café",
                                          "Съешь же ещё этих мягких французских булок",
                                          "日本語のテキスト。改行\n\u3000全角",
                                          "한국어 문장입니다",
                                          "नमस्ते दुनिया",
                                          "مرحبا بالعالم",
                                          "👩‍👩‍👧 emoji and \u0301combining",
                                          std::string("bytes \xff\xfe kept"),
                                          "a\r\nb\u00a0c\u2028d"};
  std::string jsonl;
  for (const std::string& text : texts) {
    std::string escaped;
    for (const char c : text) {
      escaped += c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : std::string(1, c);
    }
    jsonl += "{\"text\":\"" + escaped + "\"}\n";
  }
  options_.text.inputs = {write("a.jsonl", jsonl)};
  const BpeTokenizer tokenizer(testing_bpe::train_sample(300).model);
  const PrepareReport report = prepare(options_, tokenizer);
  EXPECT_EQ(decoded(output_ + "/train", tokenizer), texts);
  EXPECT_EQ(report.train.documents, 10);
  EXPECT_EQ(report.invalid_utf8, 2);
  EXPECT_FALSE(fs::exists(output_ + "/validation"));
}

// Several hundred KiB of words in lines and paragraphs.
std::string corpus() {
  std::string text;
  for (std::uint32_t i = 0; i < 40000; ++i) {
    text += testing_bpe::kSampleText.substr((i * 7919) % 90, 3 + (i * 31) % 17);
    text += i % 97 == 0 ? "\n\n" : i % 13 == 0 ? "\n" : " ";
  }
  return text;
}

TEST_F(PrepareTest, PiecesOfALongDocumentGiveTheIdsOfTheWhole) {
  const std::string text = corpus();
  ASSERT_GT(text.size(), std::size_t{256} << 10) << "or nothing is cut";
  options_.text.inputs = {write("a.txt", text)};
  const BpeTokenizer tokenizer(testing_bpe::train_sample(330).model);
  prepare(options_, tokenizer);
  const ShardReader reader(output_ + "/train");
  std::vector<std::int32_t> ids(static_cast<std::size_t>(reader.manifest().tokens));
  reader.shards()[0]->read_tokens(0, std::span(ids));
  ids.pop_back();
  EXPECT_EQ(ids, testing_bpe::encode(tokenizer, text));
}

TEST_F(PrepareTest, WorkersChangeNothing) {
  options_.text.inputs = {write("a.txt", corpus()), write("b.jsonl", "{\"text\":\"x\"}\n{\"text\":\" \"}\n")};
  options_.text.split = TextSplit::blank_line;
  options_.validation_fraction = 0.1;
  options_.max_file_bytes = 100 << 10;
  std::string digests;
  for (const int workers : {1, 2, 7}) {
    fs::remove_all(output_);
    options_.workers = workers;
    const PrepareReport report = prepare(options_, bytes_);
    const ShardReader train(output_ + "/train"), validation(output_ + "/validation");
    const std::string found = data_digest(train.manifest()) + data_digest(validation.manifest());
    EXPECT_GT(train.shards().size(), 2U);
    EXPECT_EQ(report.empty_documents, 1);
    EXPECT_EQ(report.train.tokens + report.validation.tokens, report.train.text_bytes + report.validation.text_bytes +
                                                                  report.train.documents + report.validation.documents);
    if (!digests.empty()) {
      EXPECT_EQ(found, digests);
    }
    digests = found;
  }
}

TEST_F(PrepareTest, ValidationIsDrawnByDocument) {
  std::string lines;
  for (int i = 0; i < 3000; ++i) lines += "document " + std::to_string(i) + "\n";
  options_.text.inputs = {write("a.txt", lines)};
  options_.text.split = TextSplit::line;
  options_.validation_fraction = 0.1;
  prepare(options_, bytes_);
  const auto train = decoded(output_ + "/train", bytes_), validation = decoded(output_ + "/validation", bytes_);
  EXPECT_EQ(train.size() + validation.size(), 3000U);
  // Five standard deviations of the binomial distribution.
  EXPECT_NEAR(static_cast<double>(validation.size()), 300, 5 * std::sqrt(3000 * 0.1 * 0.9));
  std::set<std::string> distinct(train.begin(), train.end());
  distinct.insert(validation.begin(), validation.end());
  EXPECT_EQ(distinct.size(), 3000U) << "each document is in one part";
  EXPECT_EQ(train[0], "document 0");
}

TEST_F(PrepareTest, BothPartsHaveADocumentFromTwoOn) {
  options_.text.inputs = {folder_.path() + "/in"};
  write("a.txt", "first");
  write("b.txt", "second");
  for (const double fraction : {1e-9, 0.3, 0.999}) {
    fs::remove_all(output_);
    options_.validation_fraction = fraction;
    const PrepareReport report = prepare(options_, bytes_);
    EXPECT_EQ(report.train.documents, 1);
    EXPECT_EQ(report.validation.documents, 1);
    EXPECT_EQ(decoded(output_ + "/validation", bytes_), std::vector<std::string>{"second"});
  }
}

TEST_F(PrepareTest, FewerThanTwoDocumentsAreRefusedNamingSplit) {
  options_.validation_fraction = 0.5;
  options_.text.inputs = {write("a.txt", "one document")};
  EXPECT_THAT(refusal(), HasSubstr("--split blank_line"));
  EXPECT_TRUE(left_nothing());
  options_.text.inputs = {write("a.jsonl", "{\"text\":\"one\"}\n{\"text\":\"\"}")};
  EXPECT_THAT(refusal(), HasSubstr("needs at least two documents, found 1"));
  EXPECT_TRUE(left_nothing());
}

TEST_F(PrepareTest, AnEmptyCorpusIsRefused) {
  options_.text.inputs = {write("a.txt", " \n\n"), write("b.jsonl", "")};
  EXPECT_THAT(refusal(), HasSubstr("the input holds no text: 1 empty documents"));
  EXPECT_TRUE(left_nothing());
}

TEST_F(PrepareTest, FinishedOutputIsRefusedAndKept) {
  options_.text.inputs = {write("a.txt", "text")};
  prepare(options_, bytes_);
  const std::string before = read_text(output_ + "/train/manifest.json", 1 << 20);
  EXPECT_THAT(refusal(), HasSubstr(output_ + "/train: is there already"));
  EXPECT_EQ(read_text(output_ + "/train/manifest.json", 1 << 20), before);
}

TEST_F(PrepareTest, WhatAKilledRunLeftIsReplaced) {
  options_.text.inputs = {write("a.txt", "one\ntwo\n")};
  options_.text.split = TextSplit::line;
  options_.validation_fraction = 0.5;
  folder_.write("out/prepare.partial/train/shard_00000.h5", "half");
  folder_.write("out/validation/manifest.json", "renamed before the kill");
  folder_.write("out/tokenizer/vocab.json", "not ours");
  prepare(options_, bytes_);
  EXPECT_EQ(decoded(output_ + "/train", bytes_), std::vector<std::string>{"one"});
  EXPECT_FALSE(fs::exists(output_ + "/prepare.partial"));
  EXPECT_TRUE(fs::exists(output_ + "/tokenizer/vocab.json"));
}

TEST_F(PrepareTest, AFailedRunLeavesNothing) {
  options_.text.inputs = {write("a.txt", "good"), write("b.jsonl", "{\"text\":\"x\"}\nbroken\n")};
  EXPECT_THAT(refusal(), HasSubstr("b.jsonl:2: malformed JSON"));
  EXPECT_TRUE(left_nothing());
}

TEST_F(PrepareTest, OutputThatCannotBeWrittenIsRefusedFirst) {
  options_.text.inputs = {write("a.txt", "text")};
  options_.output = folder_.write("file", "in the way");
  EXPECT_THAT(refusal(), HasSubstr("cannot be made a folder"));
  options_.output += "/below";
  EXPECT_THAT(refusal(), HasSubstr("cannot be made a folder"));
  options_.output = "/proc/phalanx";
  EXPECT_THAT(refusal(), HasSubstr("/proc/phalanx"));
}

TEST_F(PrepareTest, TwoRunsIntoOneFolderAreRefused) {
  options_.text.inputs = {write("a.txt", "text")};
  fs::create_directories(output_ + "/prepare.partial");
  const int other = ::open(output_.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  EXPECT_THAT(refusal(), HasSubstr("another process is preparing"));
  EXPECT_TRUE(fs::exists(output_ + "/prepare.partial")) << "it is the other's";
  ::close(other);
  EXPECT_EQ(refusal(), "no error");
}

TEST_F(PrepareTest, OptionsOutOfRangeAreRefused) {
  options_.text.inputs = {write("a.txt", "text")};
  for (const double fraction : {-0.1, 1.0, 2.0, std::nan("")}) {
    options_.validation_fraction = fraction;
    EXPECT_THAT(refusal(), HasSubstr("must be in [0, 1)"));
  }
  options_.validation_fraction = 0;
  options_.workers = -1;
  EXPECT_THAT(refusal(), HasSubstr("--workers"));
}

TEST_F(PrepareTest, InspectionSaysWhatIsThere) {
  options_.text.inputs = {write("a.txt", "the cat\n\nsat on that mat\n\nhello\n")};
  options_.text.split = TextSplit::blank_line;
  const BpeTokenizer tokenizer(testing_bpe::train_sample(300).model);
  prepare(options_, tokenizer);
  const Inspection found = inspect(output_ + "/train", 2);
  EXPECT_EQ(found.manifest.documents, 3);
  EXPECT_EQ(found.manifest.source, "out");
  EXPECT_EQ(found.lengths.mean * 3, static_cast<double>(found.manifest.tokens));
  EXPECT_LE(found.lengths.shortest, found.lengths.median);
  ASSERT_EQ(found.samples.size(), 2U);
  EXPECT_THAT(found.samples[0].text, HasSubstr("the cat"));
  EXPECT_EQ(inspect(output_ + "/train", 100).samples.size(), 3U);
}

TEST_F(PrepareTest, InspectionFindsAnotherTokenizer) {
  options_.text.inputs = {write("a.txt", "the cat")};
  const BpeTokenizer tokenizer(testing_bpe::train_sample(300).model), other(testing_bpe::train_sample(290).model);
  prepare(options_, tokenizer);
  fs::remove_all(output_ + "/train/tokenizer");
  EXPECT_THAT(error_of([&] { inspect(output_ + "/train", 0); }), HasSubstr(output_ + "/train/tokenizer"));
  fs::create_directory(output_ + "/train/tokenizer");
  other.save(output_ + "/train/tokenizer");
  EXPECT_THAT(error_of([&] { inspect(output_ + "/train", 0); }),
              HasSubstr("is not the tokenizer that made the tokens"));
}

}  // namespace
}  // namespace phalanx::data
