// Encoding and decoding, against a slow matcher that follows the definition, and against BERT's ids.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "data/text_cut.h"
#include "data/tokenizer/bert_words.h"
#include "data/tokenizer/text_stream.h"
#include "tests/data/temporary_folder.h"
#include "tests/data/wordpiece_fixture.h"

namespace phalanx::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace testing_wordpiece;

// The definition: the longest token that the rest of the word begins with, over and over.
std::vector<TokenId> encode_by_definition(const WordPieceModel& model, std::string_view text) {
  std::map<std::string, TokenId> id_of;
  for (std::size_t i = 0; i < model.tokens.size(); ++i) id_of[model.tokens[i]] = static_cast<TokenId>(i);
  std::vector<TokenId> ids;
  BertWords words(model.text);
  words.split(text, [&](std::string_view word) {
    std::vector<TokenId> pieces;
    for (std::size_t begin = 0, end = 0; begin < word.size(); begin = end) {
      std::string piece;
      for (end = word.size(); end > begin; --end) {
        piece = std::string(begin > 0 ? "##" : "").append(word.substr(begin, end - begin));
        if (id_of.contains(piece)) break;
      }
      if (end == begin) {
        pieces.clear();
        break;
      }
      pieces.push_back(id_of[piece]);
    }
    if (pieces.empty()) pieces = {model.unknown};
    ids.insert(ids.end(), pieces.begin(), pieces.end());
  });
  return ids;
}

std::string random_letters(std::mt19937& random, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += "theacsonm z"[random() % 11];
  return text;
}

TEST(WordPieceEncode, TakesTheLongestPieceFirst) {
  const WordPieceTokenizer tokenizer(model_of({"un", "una", "##aff", "##able", "##a", "##ffable", "unaff"}));
  EXPECT_THAT(encode(tokenizer, "unaffable"), ElementsAre(11, 8));
  EXPECT_THAT(encode(tokenizer, "unaable"), ElementsAre(6, 8));
  EXPECT_THAT(encode(tokenizer, "un Unaffaff"), ElementsAre(5, 11, 7));
}

TEST(WordPieceEncode, AWordThatLacksAPieceIsUnknownAsAWhole) {
  const WordPieceTokenizer tokenizer(model_of({"un", "##a", ","}));
  EXPECT_THAT(encode(tokenizer, "una unx x, un"), ElementsAre(5, 6, kUnk, kUnk, 7, 5));
  EXPECT_THAT(encode(tokenizer, "aun"), ElementsAre(kUnk));
}

TEST(WordPieceEncode, AWordOfMoreThanAHundredCharactersIsUnknown) {
  const WordPieceTokenizer tokenizer(model_of({"a", "##a"}));
  EXPECT_EQ(encode(tokenizer, std::string(100, 'a')).size(), 100U);
  EXPECT_THAT(encode(tokenizer, std::string(101, 'a') + " a"), ElementsAre(kUnk, 5));
}

TEST(WordPieceEncode, SpecialTokensInTheTextAreOrdinaryText) {
  const WordPieceTokenizer tokenizer(model_of({"[", "]", "sep", "mask"}));
  EXPECT_THAT(encode(tokenizer, "[SEP] [MASK]"), ElementsAre(5, 7, 6, 5, 8, 6));
  EXPECT_THAT(encode(WordPieceTokenizer(model_of({"a"})), "[PAD]"), ElementsAre(kUnk, kUnk, kUnk));
}

TEST(WordPieceEncode, AppendsToWhatIsThere) {
  const WordPieceTokenizer tokenizer(model_of({"a"}));
  std::vector<TokenId> ids = {7};
  tokenizer.encode("a zz", ids);
  tokenizer.encode("", ids);
  EXPECT_THAT(ids, ElementsAre(7, 5, kUnk));
}

TEST(WordPieceEncode, FollowsTheDefinitionTheFirstAndTheSecondTime) {
  const WordPieceTokenizer tokenizer(train_sample(100).model);
  std::mt19937 random(31);
  for (int round = 0; round < 200; ++round) {
    const std::string text = random_letters(random, random() % 300);
    const std::vector<TokenId> expected = encode_by_definition(tokenizer.model(), text);
    EXPECT_EQ(encode(tokenizer, text), expected) << text;
    EXPECT_EQ(encode(tokenizer, text), expected) << text;
  }
}

TEST(WordPieceEncode, AnyBytesGiveIdsOfTheVocabulary) {
  const WordPieceTokenizer tokenizer(train_sample(100).model);
  std::mt19937 random(32);
  for (int round = 0; round < 1000; ++round) {
    std::string text(random() % 200, '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    for (const TokenId id : encode(tokenizer, text)) ASSERT_TRUE(id == kUnk || (id > 4 && id < 100)) << id;
  }
}

TEST(WordPieceEncode, PiecesOfATextGiveTheIdsOfTheWhole) {
  const WordPieceTokenizer tokenizer(train_sample(100).model);
  std::mt19937 random(33);
  std::size_t cuts = 0;
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 30; ++i) {
      text += random() % 3 == 0 ? kSampleText.substr(random() % 200, random() % 30) : random_letters(random, 9);
      text += std::string_view("\n\0 \u0301\u3000é中\xff", 14).substr(random() % 14, random() % 3);
    }
    std::vector<TokenId> ids;
    std::string_view rest = text;
    while (rest.size() > 20) {
      const std::size_t cut = find_cut(rest, 1, 20);
      if (cut > rest.size()) break;
      tokenizer.encode(rest.substr(0, cut), ids);
      rest.remove_prefix(cut);
      ++cuts;
    }
    tokenizer.encode(rest, ids);
    EXPECT_EQ(ids, encode(tokenizer, text)) << "round " << round;
  }
  EXPECT_GT(cuts, 1000U);
}

TEST(WordPieceEncode, AMillionLettersOrMarksWithoutASpaceEndSoon) {
  const WordPieceTokenizer tokenizer(train_sample(100).model);
  EXPECT_THAT(encode(tokenizer, std::string(1000000, 'h')), ElementsAre(kUnk));
  std::string marks;
  for (int i = 0; i < 250000; ++i) marks += i % 2 == 0 ? "\u0323" : "\u0301";
  EXPECT_THAT(encode(tokenizer, marks), IsEmpty());
}

TEST(WordPieceEncode, ThreadsShareOneTokenizer) {
  const WordPieceTokenizer tokenizer(train_sample(100).model);
  std::mt19937 random(34);
  std::vector<std::string> texts(50);
  for (std::string& text : texts) text = kSampleText.substr(random() % 150) + random_letters(random, 60);
  std::vector<int> wrong(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(wrong.size());
    for (int& count : wrong) {
      threads.emplace_back([&] {
        for (const std::string& text : texts) {
          count += encode(tokenizer, text) != encode_by_definition(tokenizer.model(), text) ? 1 : 0;
        }
      });
    }
  }
  EXPECT_THAT(wrong, testing::Each(0));
}

TEST(WordPieceDecode, JoinsPiecesAndPutsOneSpaceBetweenWords) {
  const WordPieceTokenizer tokenizer(model_of({"un", "##able", ",", "##x"}));
  EXPECT_EQ(tokenizer.decode(encode(tokenizer, " Unable,\n un")), "unable , un");
  EXPECT_EQ(tokenizer.decode({2, 5, kUnk, 3}), "[CLS] un [UNK] [SEP]");
  EXPECT_EQ(tokenizer.decode({8, 5}), "##x un") << "a piece that goes on with nothing";
  EXPECT_EQ(tokenizer.token_text(6), "##able");
  EXPECT_EQ(tokenizer.decode({}), "");
}

TEST(WordPieceDecode, ATextThatGrowsTokenByTokenIsTheTextOfAllTokens) {
  const WordPieceTokenizer tokenizer(model_of({"the", "king", "##dom", "of", ","}));
  TextStream stream(tokenizer, encode(tokenizer, "The king"));
  std::string text = "The king";
  for (const TokenId id : encode(tokenizer, "kingdom, of the")) text += stream.add(id);
  EXPECT_EQ(text, "The king kingdom , of the");
  EXPECT_EQ(TextStream(tokenizer, encode(tokenizer, "king")).add(7), "dom") << "a piece that ends the prompt's word";
  EXPECT_EQ(TextStream(tokenizer, {}).add(5), "the");
}

TEST(WordPieceDecode, RefusesIdsOutsideTheVocabulary) {
  const WordPieceTokenizer tokenizer(model_of({"a"}));
  EXPECT_THAT(error_of([&] { (void)tokenizer.decode({6}); }), HasSubstr("token id 6 is outside the vocabulary of 6"));
  EXPECT_THAT(error_of([&] { (void)tokenizer.token_text(-1); }), HasSubstr("token id -1"));
}

// BERT's own vocabulary is not part of the project: the folder is named by the environment.
class WordPieceBert : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("PHALANX_TEST_DATA");
    if (data == nullptr) GTEST_SKIP() << "PHALANX_TEST_DATA is not set: needs bert-base-uncased/vocab.txt in it";
    const std::string folder = std::string(data) + "/bert-base-uncased";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
    uncased_ = load_tokenizer(folder);
    const TemporaryFolder other;
    std::filesystem::copy(folder + "/vocab.txt", other.path());
    other.write("tokenizer_config.json", R"({"do_lower_case": false})");
    cased_ = load_tokenizer(other.path());
  }
  std::unique_ptr<Tokenizer> uncased_, cased_;
};

TEST_F(WordPieceBert, HasBertsVocabulary) {
  EXPECT_EQ(uncased_->kind(), "wordpiece");
  EXPECT_EQ(uncased_->vocabulary(), 30522);
  EXPECT_EQ(uncased_->end_of_text(), -1);
  std::map<std::string, TokenId> specials;
  for (const auto& [text, id] : uncased_->special_tokens()) specials[text] = id;
  EXPECT_EQ(specials, (std::map<std::string, TokenId>{
                          {"[PAD]", 0}, {"[UNK]", 100}, {"[CLS]", 101}, {"[SEP]", 102}, {"[MASK]", 103}}));
  EXPECT_THAT(encode(*uncased_, "Hello, World!"), ElementsAre(7592, 1010, 2088, 999));
}

TEST_F(WordPieceBert, GivesTheGoldenIdsOfManyScripts) {
  std::ifstream golden(PHALANX_SOURCE_DIR "/tests/golden/bert_tokens.jsonl");
  int lines = 0;
  for (std::string line; std::getline(golden, line); ++lines) {
    const auto record = nlohmann::json::parse(line);
    const Tokenizer& tokenizer = record.contains("cased") ? *cased_ : *uncased_;
    EXPECT_EQ(encode(tokenizer, record["text"].get<std::string>()), record["ids"].get<std::vector<TokenId>>())
        << "line " << lines + 1 << ": " << line;
  }
  EXPECT_GE(lines, 350);
}

}  // namespace
}  // namespace phalanx::data
