// BERT's way from text to words: clean-up, spaces around ideographs, accents, case, punctuation. In two steps, so that
// an encoder can remember what the second, slower one gave: text is cut into segments, segments into words.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "data/tokenizer/bert_rules.h"

namespace phalanx::data {

// Cuts text at ASCII white space and around ASCII punctuation. Words never reach over such a place, so the words of
// the segments are the words of the text.
class BertSegments {
 public:
  explicit BertSegments(std::string_view text);

  // The next segment, never empty; false at the end of the text. Views into the text.
  bool next(std::string_view& segment);

 private:
  const std::array<BertClass, 128>& ascii_;
  const char* at_;
  const char* end_;
};

// Whether a word surely ends at byte `at` of `text`, so that its two parts have the words of the whole: a space, a
// punctuation mark or a spaced ideograph stands on one side. 0 < at < text.size().
bool bert_word_ends(std::string_view text, std::size_t at, const BertTextOptions& options);

// Turns segments into words. One thread at a time.
class BertWords {
 public:
  static constexpr std::size_t kLongest = 100;  // characters of a word that a vocabulary may know

  // A word in UTF-8, valid during the call; empty if it has more than kLongest characters.
  using Take = std::function<void(std::string_view word)>;

  explicit BertWords(const BertTextOptions& options) : options_(options) {}

  // Ill-formed UTF-8 is left out.
  void split(std::string_view segment, const Take& take);

 private:
  void end_run(const Take& take);
  void end_word(const Take& take);
  void take_apart();
  void add(char32_t code_point, const Take& take);

  BertTextOptions options_;
  std::u32string run_;    // code points, cleaned, that no space is between
  std::u32string parts_;  // of these, taken apart
  std::string word_;
  std::size_t characters_ = 0;  // of word_
};

}  // namespace phalanx::data
