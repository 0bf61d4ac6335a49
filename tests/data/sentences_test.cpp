// Sentences of texts, and that cutting text at them never changes its ids.
#include "data/sentences.h"

#include <gmock/gmock.h>

#include <random>
#include <set>

#include "data/tokenizer/bert_words.h"
#include "data/utf8.h"
#include "tests/data/wordpiece_fixture.h"

namespace phalanx::data {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace testing_wordpiece;

std::vector<std::string> sentences_of(std::string_view text) {
  SentenceCutter cutter;
  std::vector<std::size_t> ends;
  cutter.cut(text, ends);
  std::vector<std::string> sentences;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    sentences.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return sentences;
}

TEST(Sentences, EndWhereUnicodeSaysTheyDo) {
  EXPECT_THAT(sentences_of("How are you? (I am fine.)  It costs 3.50 now."),
              ElementsAre("How are you? ", "(I am fine.)  ", "It costs 3.50 now."));
  EXPECT_THAT(sentences_of("你好。再见！"), ElementsAre("你好。", "再见！"));
  EXPECT_THAT(sentences_of("a line\nanother"), ElementsAre("a line\n", "another"));
  EXPECT_THAT(sentences_of("no end"), ElementsAre("no end"));
  EXPECT_THAT(sentences_of(""), ElementsAre(""));
  EXPECT_THAT(sentences_of("bad \xE4\xB8. Then"), ElementsAre("bad \xE4\xB8. ", "Then"));
}

// Every character of these texts is a piece, alone and within a word, so that ids show where words end.
WordPieceModel letters_of(const std::vector<std::string>& characters, const BertTextOptions& text) {
  std::set<std::string> tokens;
  for (const std::string& character : characters) {
    BertWords words(text);
    words.split(character, [&](std::string_view word) {
      for (std::string_view rest = word; !rest.empty();) {
        const std::size_t bytes = decode_utf8(rest).bytes;
        tokens.insert(std::string(rest.substr(0, bytes)));
        tokens.insert("##" + std::string(rest.substr(0, bytes)));
        rest.remove_prefix(bytes);
      }
    });
  }
  return model_of({tokens.begin(), tokens.end()}, text);
}

const std::vector<std::string> kCharacters = {
    "a",      "B",      "z",      "é",      "İ",          "ß",      ".",        "!",      "?",      ",",
    ")",      "\"",     " ",      "  ",     "\n",         "\r\n",   "\t",       "1",      "22",     "你",
    "好",     "。",     "！",     "」",     "ا",          "؟",      "।",        "ก",      "한",     "각",
    "😀",      "\u0301", "\u0327", "\u0338", "\u200d",     "\u00ad", "\u0085",   "\u2028", "\u2029", "\u00a0",
    "\u3000", "\u037e", "\u2024", "\ufeff", "\U0001D165", "豈",     "\xE4\xB8", "\xff",   "…",      "-",
    "’",      "«",      "»",      "\x01",   "\u1fef",     "Ω",      "ﬁ",        "\u0f0d"};

TEST(Sentences, IdsAreThoseOfTheWholeText) {
  std::mt19937 random(20);
  SentenceCutter cutter;
  std::size_t cuts = 0;
  for (const BertTextOptions& options : {BertTextOptions{}, BertTextOptions{false, false, true},
                                         BertTextOptions{true, true, false}, BertTextOptions{true, false, false}}) {
    const WordPieceTokenizer tokenizer(letters_of(kCharacters, options));
    for (int trial = 0; trial < 3000; ++trial) {
      std::string text;
      for (std::size_t i = random() % 60; i-- > 0;) text += kCharacters[random() % kCharacters.size()];
      std::vector<TokenId> ids;
      std::vector<std::size_t> begins;
      encode_sentences(tokenizer, text, cutter, ids, begins);
      ASSERT_EQ(ids, encode(tokenizer, text)) << trial << ": " << text;
      cuts += begins.size();
    }
  }
  EXPECT_GT(cuts, 30000U);
}

TEST(Sentences, BeginWhereTheirFirstIdIs) {
  const WordPieceTokenizer tokenizer(model_of({"a", "b", "c", ".", "##b"}));
  SentenceCutter cutter;
  std::vector<TokenId> ids = {7, 7};  // of a text before
  std::vector<std::size_t> begins;
  encode_sentences(tokenizer, "\n\nA b. C a. \n\u200b\n B.", cutter, ids, begins);
  EXPECT_EQ(tokenizer.decode({ids.begin() + 2, ids.end()}), "a b . c a . b .");
  EXPECT_THAT(begins, ElementsAre(2, 5, 8)) << "sentences without ids are none";
}

TEST(Sentences, ThatAWordReachesOverAreOne) {
  const WordPieceTokenizer tokenizer(model_of({"a", "##b"}));
  SentenceCutter cutter;
  std::vector<TokenId> ids;
  std::vector<std::size_t> begins;
  encode_sentences(tokenizer, "a\u0085b", cutter, ids, begins);  // a control character, which BERT leaves out
  EXPECT_EQ(tokenizer.decode(ids), "ab");
  EXPECT_THAT(begins, ElementsAre(0));
  begins.clear();
  encode_sentences(tokenizer, "", cutter, ids, begins);
  EXPECT_THAT(begins, IsEmpty());
}

}  // namespace
}  // namespace phalanx::data
