#include "data/tokenizer/bert_words.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>

#include <algorithm>

#include "core/check.h"
#include "data/utf8.h"

namespace phalanx::data {
namespace {

constexpr char32_t kFirstDecomposed = 0xC0;   // below it no character has parts
constexpr char32_t kFirstCombining = 0x300;   // below it no character is reordered
constexpr char32_t kCapitalIWithDot = 0x130;  // the only one whose lower case is two characters

const UNormalizer2& nfd() {
  static const UNormalizer2* const instance = [] {
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2* found = unorm2_getNFDInstance(&status);
    ENSURE(U_SUCCESS(status), "ICU has no normalization data: ", u_errorName(status));
    return found;
  }();
  return *instance;
}

void append_parts(std::u32string& parts, char32_t c) {
  if (c < kFirstDecomposed) {
    parts += c;
    return;
  }
  UChar units[32];  // no character has more than 4 parts
  UErrorCode status = U_ZERO_ERROR;
  const std::int32_t count = unorm2_getDecomposition(&nfd(), static_cast<UChar32>(c), units, 32, &status);
  if (count < 0 || U_FAILURE(status)) {
    parts += c;
    return;
  }
  for (std::int32_t i = 0; i < count;) {
    UChar32 part = 0;
    U16_NEXT(units, i, count, part);
    parts += static_cast<char32_t>(part);
  }
}

std::uint8_t combining_class(char32_t c) {
  return c < kFirstCombining ? 0 : u_getCombiningClass(static_cast<UChar32>(c));
}

// Canonical order: between two characters of class 0, by class, equal ones as they were.
void order_marks(std::u32string& parts) {
  const auto by_class = [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); };
  const auto is_moved = [](char32_t c) { return combining_class(c) != 0; };
  for (auto begin = std::find_if(parts.begin(), parts.end(), is_moved); begin != parts.end();) {
    const auto end = std::find_if_not(begin, parts.end(), is_moved);
    std::stable_sort(begin, end, by_class);
    begin = std::find_if(end, parts.end(), is_moved);
  }
}

// The code point that ends at byte `at`; kInvalidCodePoint if none does.
char32_t code_point_before(std::string_view text, std::size_t at) {
  for (std::size_t bytes = 1; bytes <= std::min<std::size_t>(4, at); ++bytes) {
    const CodePoint c = decode_utf8(text.substr(at - bytes, bytes));
    if (c.value != kInvalidCodePoint) return c.bytes == bytes ? c.value : kInvalidCodePoint;
  }
  return kInvalidCodePoint;
}

char32_t ascii_lower(char32_t c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

}  // namespace

BertSegments::BertSegments(std::string_view text)
    : ascii_(ascii_bert_classes()), at_(text.data()), end_(text.data() + text.size()) {}

bool BertSegments::next(std::string_view& segment) {
  const auto kind = [&](const char* p) {
    const auto byte = static_cast<unsigned char>(*p);
    return byte < 0x80 ? ascii_[byte] : BertClass::plain;
  };
  while (at_ < end_ && kind(at_) == BertClass::space) ++at_;
  if (at_ == end_) return false;
  const char* const begin = at_++;
  if (kind(begin) != BertClass::punctuation) {
    while (at_ < end_ && kind(at_) != BertClass::space && kind(at_) != BertClass::punctuation) ++at_;
  }
  segment = {begin, static_cast<std::size_t>(at_ - begin)};
  return true;
}

bool bert_word_ends(std::string_view text, std::size_t at, const BertTextOptions& options) {
  const auto parts = [&](char32_t c) {
    const BertClass kind = bert_class(c);
    return kind == BertClass::space || kind == BertClass::punctuation ||
           (kind == BertClass::ideograph && options.space_ideographs);
  };
  return parts(code_point_before(text, at)) || parts(decode_utf8(text.substr(at)).value);
}

void BertWords::split(std::string_view segment, const Take& take) {
  while (!segment.empty()) {
    const CodePoint c = decode_utf8(segment);
    segment.remove_prefix(c.bytes);
    switch (bert_class(c.value)) {
      case BertClass::removed: break;
      case BertClass::space: end_run(take); break;
      case BertClass::ideograph:
        if (!options_.space_ideographs) {
          run_ += c.value;
          break;
        }
        end_run(take);
        run_ += c.value;
        end_run(take);
        break;
      default: run_ += c.value;
    }
  }
  end_run(take);
}

// What is between two spaces: accents, then case, then punctuation.
void BertWords::end_run(const Take& take) {
  if (options_.strip_accents) take_apart();
  for (const char32_t c : run_) {
    if (!options_.lower_case) {
      add(c, take);
    } else if (c < 0x80) {
      add(ascii_lower(c), take);
    } else {
      add(static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))), take);
      if (c == kCapitalIWithDot) add(0x307, take);
    }
  }
  end_word(take);
  run_.clear();
}

void BertWords::take_apart() {
  if (std::all_of(run_.begin(), run_.end(), [](char32_t c) { return c < kFirstDecomposed; })) return;
  parts_.clear();
  for (const char32_t c : run_) append_parts(parts_, c);
  order_marks(parts_);
  std::erase_if(parts_, [](char32_t c) { return bert_class(c) == BertClass::mark; });
  run_.swap(parts_);
}

void BertWords::add(char32_t c, const Take& take) {
  const bool stands_alone = bert_class(c) == BertClass::punctuation;
  if (stands_alone) end_word(take);
  if (++characters_ <= kLongest) append_utf8(word_, c);
  if (stands_alone) end_word(take);
}

void BertWords::end_word(const Take& take) {
  if (characters_ > 0) take(characters_ <= kLongest ? std::string_view(word_) : std::string_view());
  word_.clear();
  characters_ = 0;
}

}  // namespace phalanx::data
