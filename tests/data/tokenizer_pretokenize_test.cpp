// Pre-tokenisation against GPT-2's pattern, and the characters it stands on.
#include "data/tokenizer/pretokenize.h"

#include <gmock/gmock.h>

#include <random>
#include <string>
#include <vector>

#include "data/tokenizer/byte_alphabet.h"
#include "data/tokenizer/unicode.h"
#include "data/utf8.h"

namespace phalanx::data {
namespace {

using testing::ElementsAre;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  WordScanner scanner(text);
  std::string_view word;
  while (scanner.next(word)) words.emplace_back(word);
  return words;
}

TEST(WordScanner, EmptyTextHasNoWords) { EXPECT_TRUE(words_of("").empty()); }

TEST(WordScanner, TakesOneSpaceWithTheWordAfterIt) {
  EXPECT_THAT(words_of("In the beginning"), ElementsAre("In", " the", " beginning"));
  EXPECT_THAT(words_of(" a 1 !"), ElementsAre(" a", " 1", " !"));
}

TEST(WordScanner, CutsBetweenLettersNumbersAndTheRest) {
  EXPECT_THAT(words_of("abc123def?!x_y"), ElementsAre("abc", "123", "def", "?!", "x", "_", "y"));
  EXPECT_THAT(words_of("x²½Ⅷ٣"), ElementsAre("x", "²½Ⅷ٣"));
}

TEST(WordScanner, KnowsTheSevenContractionsInLowerCaseOnly) {
  EXPECT_THAT(
      words_of("I'll we've they're it's I'm don't he'd"),
      ElementsAre("I", "'ll", " we", "'ve", " they", "'re", " it", "'s", " I", "'m", " don", "'t", " he", "'d"));
  EXPECT_THAT(words_of("IT'S"), ElementsAre("IT", "'", "S"));
  EXPECT_THAT(words_of("'tis"), ElementsAre("'t", "is"));
  EXPECT_THAT(words_of("'r 'v 'l '"), ElementsAre("'", "r", " '", "v", " '", "l", " '"));
}

TEST(WordScanner, AContractionIsNotSeenBehindASpaceOrInARunOfSigns) {
  EXPECT_THAT(words_of(" 's"), ElementsAre(" '", "s"));
  EXPECT_THAT(words_of("!'s"), ElementsAre("!'", "s"));
  EXPECT_THAT(words_of("''s"), ElementsAre("''", "s"));
}

TEST(WordScanner, LeavesTheLastOfSeveralSpacesToTheNextWord) {
  EXPECT_THAT(words_of("a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(words_of("a  "), ElementsAre("a", "  "));
  EXPECT_THAT(words_of("   "), ElementsAre("   "));
}

TEST(WordScanner, OtherWhiteSpaceStandsAlone) {
  EXPECT_THAT(words_of("a\nb"), ElementsAre("a", "\n", "b"));
  EXPECT_THAT(words_of("a\n\nb"), ElementsAre("a", "\n", "\n", "b"));
  EXPECT_THAT(words_of("a \n b"), ElementsAre("a", " \n", " b"));
  EXPECT_THAT(words_of("a\n\n"), ElementsAre("a", "\n\n"));
  EXPECT_THAT(words_of("a\u00a0b\u3000\u2003c"), ElementsAre("a", "\u00a0", "b", "\u3000", "\u2003", "c"));
}

TEST(WordScanner, MarksAndControlsAreNeitherLettersNorSpaces) {
  EXPECT_THAT(words_of("e\u0301a"), ElementsAre("e", "\u0301", "a"));
  EXPECT_THAT(words_of("a\u200bb"), ElementsAre("a", "\u200b", "b"));
  EXPECT_THAT(words_of(std::string_view("a\0b\x1f", 4)), ElementsAre("a", std::string(1, '\0'), "b", "\x1f"));
}

TEST(WordScanner, IllFormedBytesAreSignsOfTheirOwn) {
  EXPECT_THAT(words_of("a\xff\xc3z"), ElementsAre("a", "\xff\xc3", "z"));
  EXPECT_THAT(words_of("\xe2\x82"), ElementsAre("\xe2\x82"));
}

TEST(WordScanner, WordsCoverAnyBytesWithoutGaps) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::string text(static_cast<std::size_t>(random() % 301), '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    std::string joined;
    for (const std::string& word : words_of(text)) {
      EXPECT_FALSE(word.empty());
      joined += word;
    }
    EXPECT_EQ(joined, text) << "round " << round;
  }
}

TEST(Utf8, EveryCodePointComesBack) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c == 0xD800) c = 0xE000;
    std::string text;
    append_utf8(text, c);
    const CodePoint read = decode_utf8(text);
    ASSERT_EQ(read.value, c);
    ASSERT_EQ(read.bytes, text.size());
  }
}

TEST(Utf8, IllFormedSequencesAreTakenByteByByte) {
  for (const std::string text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                                 "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xe2\x28\xa1", "\xff"}) {
    const CodePoint read = decode_utf8(text);
    EXPECT_EQ(read.value, kInvalidCodePoint) << testing::PrintToString(text);
    EXPECT_EQ(read.bytes, 1U);
  }
}

TEST(ByteAlphabet, EachByteHasACharacterAndBack) {
  std::string all;
  for (const std::uint8_t byte : alphabet_order()) all += static_cast<char>(byte);
  EXPECT_EQ(from_alphabet(to_alphabet(all)), all);
  EXPECT_EQ(to_alphabet(" the\n"), "ĠtheĊ");
  EXPECT_EQ(to_alphabet("\xad\x7f"), "Ńġ");
}

TEST(ByteAlphabet, RefusesOtherCharacters) {
  EXPECT_FALSE(from_alphabet(" "));
  EXPECT_FALSE(from_alphabet("\u0144"));  // the first character after the alphabet
  EXPECT_FALSE(from_alphabet("a\xff"));
}

}  // namespace
}  // namespace phalanx::data
