// How BERT reads text: each rule by example, and all of them against the whole-text definition.
#include "data/tokenizer/bert_words.h"

#include <gmock/gmock.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <random>
#include <string>
#include <vector>

#include "data/utf8.h"

namespace phalanx::data {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const BertTextOptions kCased{.lower_case = false, .strip_accents = false, .space_ideographs = true};

std::vector<std::string> words_of(std::string_view text, const BertTextOptions& options = {}) {
  std::vector<std::string> found;
  BertWords words(options);
  BertSegments segments(text);
  std::string_view segment;
  while (segments.next(segment)) {
    words.split(segment, [&](std::string_view word) { found.emplace_back(word); });
  }
  return found;
}

TEST(BertWords, AreCutAtWhiteSpaceAndAroundPunctuation) {
  EXPECT_THAT(words_of("In the beginning, God"), ElementsAre("in", "the", "beginning", ",", "god"));
  EXPECT_THAT(words_of("a\tb\nc\r\nd\u00a0e\u3000f\u2028g"), ElementsAre("a", "b", "c", "d", "e", "f", "g"));
  EXPECT_THAT(words_of("don't!?"), ElementsAre("don", "'", "t", "!", "?"));
  EXPECT_THAT(words_of("«a»…“b”"), ElementsAre("«", "a", "»", "…", "“", "b", "”"));
  EXPECT_THAT(words_of(""), IsEmpty());
  EXPECT_THAT(words_of(" \n\u2003 "), IsEmpty());
}

TEST(BertWords, AsciiSymbolsArePunctuationAndOthersAreNot) {
  EXPECT_THAT(words_of("1+1=$2^`|~<>"), ElementsAre("1", "+", "1", "=", "$", "2", "^", "`", "|", "~", "<", ">"));
  EXPECT_THAT(words_of("a×b€c"), ElementsAre("a×b€c"));
}

TEST(BertWords, ControlCharactersAndReplacementsVanishWithoutCutting) {
  EXPECT_THAT(words_of(std::string("a") + std::string(1, 0) + "b\x07" + "c\x7f" + "d"), ElementsAre("abcd"));
  EXPECT_THAT(words_of("a\ufffdb\u200bc\u00add\ufeffe\u200df\ue000g"), ElementsAre("abcdefg"));
  EXPECT_THAT(words_of("a\vb\fc\u0085d"), ElementsAre("abcd"));  // white space, but of category Cc
  EXPECT_THAT(words_of("\x01\x02"), IsEmpty());
}

TEST(BertWords, IllFormedBytesVanish) {
  EXPECT_THAT(words_of("a\xff"
                       "b\xe2\x82"
                       "c\xed\xa0\x80"
                       "d\xc0\xaf"
                       "e\xf0"),
              ElementsAre("abcde"));
}

TEST(BertWords, LowerCaseAndAccentsGo) {
  EXPECT_THAT(words_of("ÉCOLE e\u0301cole naïve Ǆ ΟΔΥΣΣΕΎΣ"), ElementsAre("ecole", "ecole", "naive", "ǆ", "οδυσσευσ"));
  EXPECT_THAT(words_of("İstanbul"), ElementsAre("istanbul"));
  EXPECT_THAT(words_of("\u0301 a"), ElementsAre("a"));
}

TEST(BertWords, EachOptionStandsAlone) {
  EXPECT_THAT(words_of("École İ", kCased), ElementsAre("École", "İ"));
  EXPECT_THAT(words_of("École", {.lower_case = false, .strip_accents = true}), ElementsAre("Ecole"));
  EXPECT_THAT(words_of("École İ", {.lower_case = true, .strip_accents = false}), ElementsAre("école", "i\u0307"));
  EXPECT_THAT(words_of("ab中国c"), ElementsAre("ab", "中", "国", "c"));
  EXPECT_THAT(words_of("ab中国c", {.space_ideographs = false}), ElementsAre("ab中国c"));
}

TEST(BertWords, PunctuationIsSoughtAfterTakingApart) {
  EXPECT_THAT(words_of("a\u037eb"), ElementsAre("a", ";", "b"));  // Greek question mark
  EXPECT_THAT(words_of("a\u226eb"), ElementsAre("a", "<", "b"));  // not less-than: < and an accent
  EXPECT_THAT(words_of("a\u226eb", kCased), ElementsAre("a\u226eb"));
}

TEST(BertWords, IdeographsAreThoseOfBertsBlocks) {
  EXPECT_THAT(words_of("\u3400\u4dbf\u9fff\uf900"), ElementsAre("\u3400", "\u4dbf", "\u9fff", "\u8c48"));
  EXPECT_THAT(words_of("ひらがな"), ElementsAre("ひらかな"));  // no ideographs; the voicing mark is an accent
  EXPECT_THAT(words_of("\U0002b920\U0002b921"), ElementsAre("\U0002b920", "\U0002b921"));
  EXPECT_THAT(words_of("\U0002b820\U0002b91f"), ElementsAre("\U0002b820\U0002b91f"));
}

TEST(BertWords, AWordOfMoreThanAHundredCharactersComesEmpty) {
  EXPECT_THAT(words_of(std::string(100, 'a')), ElementsAre(std::string(100, 'a')));
  EXPECT_THAT(words_of(std::string(101, 'a') + " b"), ElementsAre("", "b"));
  std::string accents, letters;
  for (int i = 0; i < 100; ++i) accents += "é", letters += "e";
  EXPECT_THAT(words_of(accents), ElementsAre(letters));
  EXPECT_THAT(words_of(accents, kCased), ElementsAre(accents));
  EXPECT_THAT(words_of(accents + "e"), ElementsAre(""));
}

TEST(BertRules, KeepTheCategoriesOfUnicode8) {
  EXPECT_EQ(bert_class(0x1BC9F), BertClass::punctuation);  // since 7.0
  EXPECT_EQ(bert_class(0x1E95E), BertClass::plain);        // punctuation since 9.0
  EXPECT_EQ(bert_class(0x1E94A), BertClass::plain);        // a mark since 9.0
  EXPECT_EQ(bert_class(0x166D), BertClass::punctuation);   // a symbol since 12.0
  EXPECT_EQ(bert_class(0x1734), BertClass::mark);          // a spacing mark since 14.0
  EXPECT_EQ(bert_class(0x378), BertClass::plain);          // not assigned
}

// The definition, on the whole text at once, one rule after the other.
std::vector<std::string> words_by_definition(std::string_view text) {
  icu::UnicodeString clean;
  for (; !text.empty(); text.remove_prefix(decode_utf8(text).bytes)) {
    const char32_t c = decode_utf8(text).value;
    const BertClass kind = bert_class(c);
    if (kind == BertClass::removed) continue;
    const bool spaced = kind == BertClass::ideograph;
    if (spaced) clean.append(UChar32{' '});
    clean.append(kind == BertClass::space ? UChar32{' '} : static_cast<UChar32>(c));
    if (spaced) clean.append(UChar32{' '});
  }
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString apart = icu::Normalizer2::getNFDInstance(status)->normalize(clean, status);
  EXPECT_TRUE(U_SUCCESS(status));
  std::vector<std::string> words(1);
  std::vector<int> characters(1);
  const auto end_word = [&] {
    if (characters.back() > 100) words.back().clear();
    if (characters.back() > 0) words.emplace_back(), characters.push_back(0);
  };
  for (std::int32_t i = 0; i < apart.length(); i = apart.moveIndex32(i, 1)) {
    const UChar32 c = apart.char32At(i);
    const BertClass kind = bert_class(static_cast<char32_t>(c));
    if (kind == BertClass::mark) continue;
    if (kind == BertClass::space || kind == BertClass::punctuation) end_word();
    if (kind == BertClass::space) continue;
    append_utf8(words.back(), static_cast<char32_t>(u_tolower(c)));
    ++characters.back();
    if (kind == BertClass::punctuation) end_word();
  }
  end_word();
  words.pop_back();
  return words;
}

char32_t random_code_point(std::mt19937& random) {
  constexpr char32_t kLimits[] = {0x80, 0x250, 0x400, 0x3000, 0x10000, 0x30000, 0x110000};
  const char32_t c = static_cast<char32_t>(random()) % kLimits[random() % std::size(kLimits)];
  return c >= 0xD800 && c < 0xE000 ? c - 0x800 : c;
}

TEST(BertWords, FollowTheDefinitionOnAnyText) {
  std::mt19937 random(21);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t n = random() % 60; n > 0; --n) append_utf8(text, random_code_point(random));
    EXPECT_EQ(words_of(text), words_by_definition(text)) << testing::PrintToString(text);
  }
}

TEST(BertWords, CombiningMarksComeInCanonicalOrder) {
  std::mt19937 random(22);
  std::vector<char32_t> marks;
  for (UChar32 c = 0x300; c < 0x20000; ++c) {
    if (u_getCombiningClass(c) != 0) marks.push_back(static_cast<char32_t>(c));
  }
  for (int round = 0; round < 1000; ++round) {
    std::string text;
    for (std::size_t n = random() % 30; n > 0; --n) {
      append_utf8(text, random() % 4 == 0 ? U'é' : marks[random() % marks.size()]);
    }
    EXPECT_EQ(words_of(text), words_by_definition(text)) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace phalanx::data
