// Training: what the vocabulary holds, that it depends on the corpus alone, and what is refused.
#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "tests/data/wordpiece_fixture.h"

namespace phalanx::data {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace testing_wordpiece;

WordPieceTraining train(WordPieceTrainOptions options, const std::string& text) {
  return train_wordpiece(options, pieces({text}));
}

// Without the special tokens.
std::vector<std::string> tokens_of(const WordPieceTraining& training) {
  const auto& tokens = training.model.tokens;
  return {tokens.begin() + 5, tokens.end()};
}

TEST(WordPieceTrain, SpecialTokensComeFirstThenCharactersThenMerges) {
  const WordPieceTraining result = train({.vocabulary = 14}, "Ba ba, bá 国 bac");
  EXPECT_EQ(std::vector(result.model.tokens.begin(), result.model.tokens.begin() + 5), kSpecials);
  EXPECT_THAT(tokens_of(result), ElementsAre(",", "a", "##a", "b", "##b", "c", "##c", "国", "ba"));
}

TEST(WordPieceTrain, MergesTheMostFrequentPairFirst) {
  std::string text;
  const auto repeat = [&](const char* word, int times) {
    for (int i = 0; i < times; ++i) text += std::string(word) + " ";
  };
  repeat("low", 5);
  repeat("lower", 2);
  repeat("newest", 6);
  repeat("widest", 3);
  const std::vector<std::string> tokens = tokens_of(train({.vocabulary = 5 + 20 + 4}, text));
  EXPECT_THAT(std::vector(tokens.begin() + 20, tokens.end()), ElementsAre("##es", "##est", "lo", "low"));
}

TEST(WordPieceTrain, EachOptionChangesTheCharacters) {
  const auto characters = [](std::int64_t count, const BertTextOptions& text) {
    return tokens_of(train({.vocabulary = 5 + count, .text = text}, "É 国国"));
  };
  EXPECT_THAT(characters(3, {}), ElementsAre("e", "##e", "国"));
  EXPECT_THAT(characters(3, {.lower_case = false}), ElementsAre("E", "##E", "国"));
  EXPECT_THAT(characters(3, {.strip_accents = false}), ElementsAre("é", "##é", "国"));
  EXPECT_THAT(characters(4, {.space_ideographs = false}), ElementsAre("e", "##e", "国", "##国"));
}

TEST(WordPieceTrain, AWordOfKnownCharactersIsNeverUnknown) {
  const WordPieceTokenizer tokenizer(train_sample(100).model);
  std::mt19937 random(41);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (std::size_t n = 1 + random() % 90; n > 0; --n) text += "theacsonmirwlyv1234"[random() % 19];
    EXPECT_THAT(encode(tokenizer, text), Not(Contains(kUnk))) << text;
  }
}

TEST(WordPieceTrain, RareCharactersBeyondTheAlphabetAreUnknown) {
  const WordPieceTraining result = train({.vocabulary = 9, .alphabet = 2}, "aa ab bb ac");
  EXPECT_THAT(tokens_of(result), ElementsAre("a", "##a", "b", "##b"));
  EXPECT_EQ(result.unknown_words, 1);
  EXPECT_THAT(tokens_of(train({.vocabulary = 7, .alphabet = 1}, "ab ba")), ElementsAre("a", "##a"))
      << "of equally frequent ones the smaller";
}

TEST(WordPieceTrain, CountsTheTokensOfTheCorpus) {
  const WordPieceTraining result = train_sample(100);
  EXPECT_EQ(result.model.tokens.size(), 100U);
  EXPECT_EQ(result.corpus_bytes, static_cast<std::int64_t>(kSampleText.size()));
  EXPECT_EQ(result.corpus_tokens,
            static_cast<std::int64_t>(encode(WordPieceTokenizer(result.model), kSampleText).size()));
  EXPECT_EQ(result.unknown_words, 0);
}

TEST(WordPieceTrain, WordsThatAreTooLongCountAsUnknownAndTeachNothing) {
  const WordPieceTraining result = train({.vocabulary = 7}, std::string(101, 'z') + " a");
  EXPECT_THAT(tokens_of(result), ElementsAre("a", "##a"));
  EXPECT_EQ(result.unknown_words, 1);
  EXPECT_EQ(result.corpus_tokens, 2);
}

// Random words over few letters: many ties, many merges that touch each other.
std::vector<std::string> random_corpus(int texts) {
  std::mt19937 random(42);
  std::vector<std::string> corpus;
  for (int i = 0; i < texts; ++i) {
    std::string text;
    for (int word = 0; word < 40; ++word) {
      text += ' ';
      for (std::size_t n = 1 + random() % 7; n > 0; --n) text += "abcdE"[random() % 5];
    }
    corpus.push_back(text);
  }
  return corpus;
}

TEST(WordPieceTrain, NeitherThreadsNorTheOrderOfTheCorpusMatter) {
  std::vector<std::string> corpus = random_corpus(60);
  WordPieceTrainOptions options{.vocabulary = 700};
  const auto digest = [&] { return WordPieceTokenizer(train_wordpiece(options, pieces(corpus)).model).digest(); };
  const std::string expected = digest();
  for (const int threads : {2, 4}) {
    options.threads = threads;
    EXPECT_EQ(digest(), expected) << threads << " threads";
  }
  std::reverse(corpus.begin(), corpus.end());
  EXPECT_EQ(digest(), expected);
}

TEST(WordPieceTrainRefuses, AVocabularyThatIsTooSmallForTheCharacters) {
  EXPECT_THROW(train({.vocabulary = 5}, "a"), UsageError);
  EXPECT_THAT(error_of([] { train({.vocabulary = 5}, "a"); }), HasSubstr("--vocabulary (5) must be at least 6"));
  EXPECT_THAT(error_of([] { train({.vocabulary = 8}, "ab,"); }),
              AllOf(HasSubstr("--vocabulary (8) must be at least 10"), HasSubstr("lower --alphabet (1000)")));
  EXPECT_THAT(error_of([] { train({.vocabulary = 8, .alphabet = 0}, "ab,"); }), HasSubstr("--alphabet (0)"));
  EXPECT_THAT(error_of([] { train({.vocabulary = std::int64_t{1} << 40}, "a"); }), HasSubstr("must be at most"));
}

TEST(WordPieceTrainRefuses, AnEmptyCorpus) {
  EXPECT_THROW(train_wordpiece({.vocabulary = 300}, pieces({})), UsageError);
  EXPECT_THAT(error_of([] { train({.vocabulary = 300}, " \n\x01"); }), HasSubstr("the corpus is empty"));
}

TEST(WordPieceTrainRefuses, MoreMergesThanTheCorpusHasAndNamesTheSizeThatWouldDo) {
  EXPECT_THROW(train({.vocabulary = 100}, "hello hello"), UsageError);
  EXPECT_THAT(error_of([] { train({.vocabulary = 100}, "hello hello"); }),
              AllOf(HasSubstr("--vocabulary 100"), HasSubstr("use --vocabulary 17 or less")));
  EXPECT_EQ(train({.vocabulary = 17}, "hello hello").merges, 4);
}

}  // namespace
}  // namespace phalanx::data
