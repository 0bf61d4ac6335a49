// Training: which merges are found, that they depend on the corpus alone, and what is refused.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>

#include "data/tokenizer/byte_alphabet.h"
#include "tests/data/bpe_fixture.h"

namespace phalanx::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_bpe;

std::vector<std::string> merges_of(const BpeModel& model) {
  std::vector<std::string> merges;
  for (const auto& [left, right, result] : model.merges) {
    const auto text = [&](TokenId id) { return to_alphabet(model.tokens[static_cast<std::size_t>(id)]); };
    EXPECT_EQ(text(left) + text(right), text(result));
    merges.push_back(text(left) + " " + text(right));
  }
  return merges;
}

BpeTraining train(std::int64_t merges, const std::string& text) {
  return train_bpe({.vocabulary = 257 + merges}, pieces({text}));
}

TEST(BpeTrain, MergesTheMostFrequentPairFirst) {
  // "low" 5, "lower" 2, "newest" 6, "widest" 3: the example of the paper that brought BPE to words (Sennrich et al.).
  std::string text;
  const auto repeat = [&](const char* word, int times) {
    for (int i = 0; i < times; ++i) text += std::string(text.empty() ? "" : "\n") + word;
  };
  repeat("low", 5);
  repeat("lower", 2);
  repeat("newest", 6);
  repeat("widest", 3);
  EXPECT_THAT(merges_of(train(4, text).model), ElementsAre("e s", "es t", "l o", "lo w"));
}

TEST(BpeTrain, TakesTheSmallerIdsOfEquallyFrequentPairs) {
  EXPECT_THAT(merges_of(train(2, "zy\nba\ndc").model), ElementsAre("b a", "d c"));
  EXPECT_THAT(merges_of(train(3, "ac\nab\nbb").model), ElementsAre("a b", "a c", "b b"));
}

TEST(BpeTrain, CountsOverlappingRunsAsTheyAreMerged) {
  EXPECT_THAT(merges_of(train(3, "aaaaa").model), ElementsAre("a a", "aa a", "aa aaa"));
}

TEST(BpeTrain, BytesComeFirstAndSpecialTokensLast) {
  const BpeTraining result =
      train_bpe({.vocabulary = 262, .specials = {"<|endoftext|>", "<pad>"}}, pieces({kSampleText}));
  EXPECT_EQ(result.model.tokens.size(), 262U);
  EXPECT_EQ(result.model.merges.size(), 4U);
  EXPECT_EQ(result.model.tokens[0], "!");
  EXPECT_EQ(result.model.tokens[260], "<|endoftext|>");
  EXPECT_EQ(result.model.tokens[261], "<pad>");
  EXPECT_EQ(result.model.end_of_text, 260);
}

TEST(BpeTrain, CountsTheTokensOfTheCorpus) {
  const BpeTraining result = train_sample(330);
  EXPECT_EQ(result.corpus_bytes, static_cast<std::int64_t>(kSampleText.size()));
  EXPECT_EQ(result.corpus_tokens, static_cast<std::int64_t>(encode(BpeTokenizer(result.model), kSampleText).size()));
}

// Random words over few letters: many ties, many merges that touch each other.
std::vector<std::string> random_corpus(int texts) {
  std::mt19937 random(11);
  std::vector<std::string> corpus;
  for (int i = 0; i < texts; ++i) {
    std::string text;
    for (int word = 0; word < 40; ++word) {
      text += ' ';
      for (std::size_t n = 1 + random() % 7; n > 0; --n) text += "abcde"[random() % 5];
    }
    corpus.push_back(text);
  }
  return corpus;
}

TEST(BpeTrain, TheNumberOfThreadsDoesNotMatter) {
  const BpeTrainOptions one{.vocabulary = 900, .threads = 1};
  const std::vector<std::string> corpus = random_corpus(60);
  const std::string expected = BpeTokenizer(train_bpe(one, pieces(corpus)).model).digest();
  for (const int threads : {2, 4}) {
    BpeTrainOptions options = one;
    options.threads = threads;
    EXPECT_EQ(BpeTokenizer(train_bpe(options, pieces(corpus)).model).digest(), expected) << threads << " threads";
  }
}

TEST(BpeTrain, TheOrderOfTheCorpusDoesNotMatter) {
  std::vector<std::string> corpus = random_corpus(60);
  const BpeTrainOptions options{.vocabulary = 900};
  const std::string expected = BpeTokenizer(train_bpe(options, pieces(corpus)).model).digest();
  std::reverse(corpus.begin(), corpus.end());
  EXPECT_EQ(BpeTokenizer(train_bpe(options, pieces(corpus)).model).digest(), expected);
}

// Counts all pairs anew before each merge.
std::vector<std::string> merges_by_definition(const std::vector<std::string>& words, std::size_t merges) {
  std::vector<std::vector<std::string>> split;
  for (const std::string& word : words) {
    split.emplace_back();
    for (const char byte : word) split.back().push_back(to_alphabet({&byte, 1}));
  }
  std::map<std::string, std::size_t> id;
  for (const std::uint8_t byte : alphabet_order()) {
    const char character = static_cast<char>(byte);
    id.emplace(to_alphabet({&character, 1}), id.size());
  }
  std::vector<std::string> found;
  while (found.size() < merges) {
    std::map<std::pair<std::size_t, std::size_t>, std::pair<int, std::string>> counts;
    for (const auto& word : split) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        auto& [count, text] = counts[{id.at(word[i]), id.at(word[i + 1])}];
        ++count;
        text = word[i] + " " + word[i + 1];
      }
    }
    const auto best = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
      return a.second.first != b.second.first ? a.second.first < b.second.first : a.first > b.first;
    });
    found.push_back(best->second.second);
    const std::size_t space = found.back().find(' ');
    const std::string left = found.back().substr(0, space);
    const std::string right = found.back().substr(space + 1);
    id.emplace(left + right, id.size());
    for (auto& word : split) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        if (word[i] != left || word[i + 1] != right) continue;
        word[i] += right;
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
  }
  return found;
}

TEST(BpeTrain, IncrementalCountsGiveTheMergesOfCountingAnew) {
  std::vector<std::string> words;
  std::string text;
  std::mt19937 random(12);
  for (int i = 0; i < 300; ++i) {
    std::string word;
    for (std::size_t n = 2 + random() % 9; n > 0; --n) word += "abc"[random() % 3];
    words.push_back(word);
    text += (i > 0 ? "\n" : "") + word;
  }
  const std::vector<std::string> merges = merges_of(train(150, text).model);
  EXPECT_EQ(merges, merges_by_definition(words, merges.size()));
}

TEST(BpeTrain, AHugeWordEndsSoon) {
  const std::string dna = [] {
    std::mt19937 random(13);
    std::string text;
    for (int i = 0; i < 300000; ++i) text += "acgt"[random() % 4];
    return text;
  }();
  EXPECT_EQ(train(500, dna).model.merges.size(), 500U);
}

TEST(BpeTrainRefuses, AVocabularyWithoutRoomForBytes) {
  EXPECT_THROW(train_sample(256), UsageError);
  EXPECT_THAT(error_of([] { train_sample(256); }), AllOf(HasSubstr("--vocabulary (256)"), HasSubstr("at least 257")));
  EXPECT_EQ(train_sample(257).model.merges.size(), 0U);
}

TEST(BpeTrainRefuses, AnEmptyCorpus) {
  const BpeTrainOptions options{.vocabulary = 300};
  EXPECT_THROW(train_bpe(options, pieces({})), UsageError);
  EXPECT_THAT(error_of([&] { train_bpe(options, pieces({"", ""})); }), HasSubstr("the corpus is empty"));
}

TEST(BpeTrainRefuses, MoreMergesThanTheCorpusHasAndNamesTheSizeThatWouldDo) {
  EXPECT_THROW(train(100, "hello hello"), UsageError);
  EXPECT_THAT(error_of([] { train(100, "hello hello"); }),
              AllOf(HasSubstr("--vocabulary 357"), HasSubstr("use --vocabulary 262 or less")));
  EXPECT_EQ(train(5, "hello hello").model.merges.size(), 5U);
}

TEST(BpeTrainRefuses, SpecialTokensThatCannotBeTold) {
  const auto with = [](std::vector<std::string> specials) {
    return error_of([&] { train_bpe({.vocabulary = 300, .specials = specials}, pieces({kSampleText})); });
  };
  EXPECT_THAT(with({""}), HasSubstr("is empty"));
  EXPECT_THAT(with({"<x>", "<x>"}), HasSubstr("'<x>' is given twice"));
  EXPECT_THAT(with({"\xff"}), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(with({"a"}), HasSubstr("'a' is an ordinary token"));
}

TEST(BpeTrain, AnErrorOfTheCorpusEndsAllThreads) {
  const NextPiece failing = [i = 0](std::string& piece) mutable -> bool {
    if (++i == 5) throw Error("text.txt:17: damaged");
    piece = kSampleText;
    return true;
  };
  EXPECT_EQ(error_of([&] { train_bpe({.vocabulary = 300, .threads = 4}, failing); }), "text.txt:17: damaged");
}

}  // namespace
}  // namespace phalanx::data
