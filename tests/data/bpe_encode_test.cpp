// Encoding and decoding, against a slow encoder that follows the definition word by word, and against GPT-2's ids.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "data/tokenizer/pretokenize.h"
#include "tests/data/bpe_fixture.h"

namespace phalanx::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_bpe;

// The definition: look for the pair of lowest rank, merge its first occurrence, until no pair has a rank.
std::vector<TokenId> encode_by_definition(const BpeModel& model, std::string_view text) {
  std::map<std::string, TokenId> id_of;
  for (std::size_t i = 0; i < 256; ++i) id_of[model.tokens[i]] = static_cast<TokenId>(i);
  std::vector<TokenId> ids;
  WordScanner scanner(text);
  std::string_view word;
  while (scanner.next(word)) {
    std::vector<TokenId> tokens;
    for (const char byte : word) tokens.push_back(id_of.at(std::string(1, byte)));
    for (const auto& [left, right, result] : model.merges) {
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        if (tokens[i] != left || tokens[i + 1] != right) continue;
        tokens[i] = result;
        tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
    ids.insert(ids.end(), tokens.begin(), tokens.end());
  }
  return ids;
}

std::string random_bytes(std::mt19937& random, std::size_t longest) {
  std::string text(random() % (longest + 1), '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text;
}

// Letters that the sample's merges are made of, so that long words have many merges.
std::string random_letters(std::mt19937& random, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += "theacsonm"[random() % 9];
  return text;
}

TEST(BpeEncode, FollowsTheDefinition) {
  const BpeTokenizer tokenizer(train_sample(330).model);
  EXPECT_EQ(encode(tokenizer, kSampleText), encode_by_definition(tokenizer.model(), kSampleText));
}

TEST(BpeEncode, LongWordsFollowTheDefinitionToo) {
  const BpeTokenizer tokenizer(train_sample(330).model);
  std::mt19937 random(3);
  for (const std::size_t size : {1, 2, 21, 22, 23, 63, 64, 65, 66, 127, 500, 1001}) {
    const std::string word = random_letters(random, size);
    EXPECT_EQ(encode(tokenizer, word), encode_by_definition(tokenizer.model(), word)) << size << " bytes";
    const std::string same(size, 'h');
    EXPECT_EQ(encode(tokenizer, same), encode_by_definition(tokenizer.model(), same)) << size << " bytes";
  }
}

TEST(BpeEncode, AMillionLettersWithoutASpaceEndSoon) {
  const BpeTokenizer tokenizer(train_sample(330).model);
  std::mt19937 random(4);
  const std::string word = random_letters(random, 1000000);
  EXPECT_EQ(tokenizer.decode(encode(tokenizer, word)), word);
}

TEST(BpeEncode, TheSecondTimeGivesTheSameIds) {
  const BpeTokenizer tokenizer(train_sample(330).model);
  const std::vector<TokenId> first = encode(tokenizer, kSampleText);
  EXPECT_EQ(encode(tokenizer, kSampleText), first);
}

TEST(BpeEncode, AppendsToWhatIsThere) {
  const BpeTokenizer tokenizer(train_sample(330).model);
  std::vector<TokenId> ids = {7};
  tokenizer.encode("the", ids);
  tokenizer.encode("", ids);
  std::vector<TokenId> expected = {7};
  for (const TokenId id : encode(tokenizer, "the")) expected.push_back(id);
  EXPECT_EQ(ids, expected);
}

TEST(BpeEncode, DecodingGivesBackAnyBytes) {
  const BpeTokenizer tokenizer(train_sample(330).model);
  std::mt19937 random(6);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_bytes(random, 200);
    EXPECT_EQ(tokenizer.decode(encode(tokenizer, text)), text) << "round " << round;
  }
}

TEST(BpeEncode, SpecialTokensInTheTextAreOrdinaryText) {
  const BpeTokenizer tokenizer(train_sample(330).model);
  const std::vector<TokenId> ids = encode(tokenizer, "a<|endoftext|>b");
  EXPECT_EQ(std::ranges::find(ids, tokenizer.end_of_text()), ids.end());
  EXPECT_EQ(tokenizer.decode(ids), "a<|endoftext|>b");
  EXPECT_EQ(tokenizer.decode({tokenizer.end_of_text()}), "<|endoftext|>");
}

TEST(BpeEncode, ThreadsShareOneTokenizer) {
  const BpeTokenizer tokenizer(train_sample(330).model);
  std::vector<std::string> texts(50);
  std::mt19937 random(8);
  for (std::string& text : texts) text = kSampleText.substr(random() % 200) + random_letters(random, 30);
  std::vector<std::vector<TokenId>> expected;
  expected.reserve(texts.size());
  for (const std::string& text : texts) expected.push_back(encode_by_definition(tokenizer.model(), text));
  std::vector<int> wrong(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(wrong.size());
    for (int& count : wrong) {
      threads.emplace_back([&] {
        for (int round = 0; round < 5; ++round) {
          for (std::size_t i = 0; i < texts.size(); ++i) count += encode(tokenizer, texts[i]) != expected[i] ? 1 : 0;
        }
      });
    }
  }
  EXPECT_THAT(wrong, testing::Each(0));
}

TEST(BpeDecode, RefusesIdsOutsideTheVocabulary) {
  const BpeTokenizer tokenizer(train_sample(300).model);
  EXPECT_THAT(error_of([&] { (void)tokenizer.decode({300}); }),
              HasSubstr("token id 300 is outside the vocabulary of 300"));
  EXPECT_THAT(error_of([&] { (void)tokenizer.decode({-1}); }), HasSubstr("token id -1"));
  EXPECT_THAT(error_of([&] { (void)tokenizer.token_text(1 << 30); }), HasSubstr("outside the vocabulary"));
}

// GPT-2's own vocabulary is not part of the project: the folder is named by the environment.
class BpeGpt2 : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("PHALANX_TEST_DATA");
    if (data == nullptr)
      GTEST_SKIP() << "PHALANX_TEST_DATA is not set: needs gpt2/vocab.json and gpt2/merges.txt in it";
    const std::string folder = std::string(data) + "/gpt2";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
    tokenizer_ = load_tokenizer(folder);
  }
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(BpeGpt2, HasGpt2sVocabulary) {
  EXPECT_EQ(tokenizer_->vocabulary(), 50257);
  EXPECT_EQ(tokenizer_->end_of_text(), 50256);
  ASSERT_EQ(tokenizer_->special_tokens().size(), 1U);
  EXPECT_THAT(encode(*tokenizer_, "Hello world"), ElementsAre(15496, 995));
}

TEST_F(BpeGpt2, GivesTheGoldenIdsOfManyScripts) {
  std::ifstream golden(PHALANX_SOURCE_DIR "/tests/golden/gpt2_tokens.jsonl");
  int lines = 0;
  for (std::string line; std::getline(golden, line); ++lines) {
    const auto record = nlohmann::json::parse(line);
    const auto text = record["text"].get<std::string>();
    const auto ids = record["ids"].get<std::vector<TokenId>>();
    EXPECT_EQ(encode(*tokenizer_, text), ids) << "line " << lines + 1 << ": " << line;
    EXPECT_EQ(tokenizer_->decode(ids), text) << "line " << lines + 1;
  }
  EXPECT_EQ(lines, 481);
}

}  // namespace
}  // namespace phalanx::data
