// Cutting a long text changes no word: whatever the size of the pieces, and however the text arrives.
#include "data/text_cut.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "data/tokenizer/pretokenize.h"
#include "tests/data/bpe_fixture.h"

namespace phalanx::data {
namespace {

using testing_bpe::encode;

constexpr std::size_t kLargestCut = 64;  // bytes

const std::vector<std::string> kTricky = {
    "1000xx;12,&\n\n\n\nnext\n\n more",
    "one\n\ntwo\r\n\r\nthree\n\n\n  four\n \n five",
    "a  b   c    d \t e\t\tf \n\t g",
    "it's they'll 's 're x 'd we've' d\n'tis ' s",
    "1 22 333  4444\n55 6a7 ;8 , 9",
    "字は 漢字\n漢字\r\n\u3000字\u3000\u3000字 。\n。 \u00a0x\n\u00a0y \u2003z\n\u2028w \u1680v",
    "😀 😀\n😀😀  👩‍👩‍👧 \n\n👍🏽 x",
    "e\u0301 \u0301e\n\u0301e n\u0303o \u0300\u0301\n\u0302",
    "\xff \xff\n\xe2\x80 x\n\xe2 \x85\n\x85 \xc2\x85 \xe3\x80\xe3 \x80\n\xf0\x9f y",
    std::string("\x00 \x00\n\x1c \x1c\n\x7f \x7f\x0b x\x0c\ny", 17),
    "\n\n\n",
    "   ",
    "\n x",
    " x\n",
    "x",
    ""};

// Cuts `text` into pieces of about `size` bytes, seeing no more than `window` bytes beyond a piece until more is asked
// for.
std::vector<std::string> cut(std::string_view text, std::size_t size, std::size_t window) {
  std::vector<std::string> pieces;
  while (text.size() > size) {
    std::size_t seen = size + 1;
    std::size_t at = seen + 1;
    while (at > seen && seen < text.size()) {
      seen = std::min(seen + window, text.size());
      at = find_cut(text.substr(0, seen), 0, size);
    }
    if (at >= seen) break;
    pieces.emplace_back(text.substr(0, at));
    text.remove_prefix(at);
  }
  pieces.emplace_back(text);
  return pieces;
}

std::vector<std::string> words_of(const std::vector<std::string>& pieces) {
  std::vector<std::string> words;
  for (const std::string& piece : pieces) {
    WordScanner scanner(piece);
    for (std::string_view word; scanner.next(word);) words.emplace_back(word);
  }
  return words;
}

// Pieces made; each cut is compared.
std::size_t expect_every_cut_keeps_the_words(const std::string& text) {
  std::size_t pieces = 0;
  const std::vector<std::string> whole = words_of({text});
  for (std::size_t size = 1; size <= kLargestCut; ++size) {
    for (const std::size_t window : {std::size_t{1}, std::size_t{3}, text.size()}) {
      const std::vector<std::string> cuts = cut(text, size, window);
      pieces += cuts.size();
      EXPECT_EQ(words_of(cuts), whole) << testing::PrintToString(text) << " in pieces of " << size << ", window "
                                       << window;
      if (testing::Test::HasFailure()) return pieces;
    }
  }
  return pieces;
}

TEST(TextCut, EveryCutOfTrickyTextsKeepsTheWords) {
  std::string all;
  for (const std::string& text : kTricky) {
    expect_every_cut_keeps_the_words(text);
    all += text;
  }
  EXPECT_GT(expect_every_cut_keeps_the_words(all), 3 * kLargestCut * 5) << "hardly anything was cut";
}

TEST(TextCut, EveryCutOfRandomTextsKeepsTheWords) {
  const std::vector<std::string> alphabet = {" ",      " ",      "\n",     "\n",   "\r",   "\t", "a",  "B",
                                             "7",      "'",      "s",      "ll",   ";",    "&",  "字", "😀",
                                             "\u0301", "\u3000", "\u00a0", "\xe3", "\x80", "é"};
  std::mt19937 random(11);
  for (int round = 0; round < 400 && !HasFailure(); ++round) {
    std::string text;
    for (int i = 0; i < 80; ++i) text += alphabet[random() % alphabet.size()];
    expect_every_cut_keeps_the_words(text);
  }
}

TEST(TextCut, PiecesEncodeToTheIdsOfTheWhole) {
  std::string all;
  for (const std::string& text : kTricky) all += text;
  // Trained on the text itself, so that runs of white space have merges of their own.
  const BpeTokenizer tokenizer(
      train_bpe({.vocabulary = 300, .threads = 1}, testing_bpe::pieces({all, all, "\n\n\n\n\n\n    "})).model);
  for (std::size_t size = 1; size <= kLargestCut; ++size) {
    std::vector<TokenId> ids;
    for (const std::string& piece : cut(all, size, 3)) tokenizer.encode(piece, ids);
    EXPECT_EQ(ids, encode(tokenizer, all)) << "pieces of " << size;
  }
}

}  // namespace
}  // namespace phalanx::data
