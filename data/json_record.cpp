// A scanner over one JSON object: checks all of it, keeps one string.
#include "data/json_record.h"

#include <cstdint>
#include <vector>

#include "core/check.h"
#include "data/utf8.h"

namespace phalanx::data {
namespace {

constexpr std::size_t kMaxDepth = 256;
constexpr std::size_t kMaxNamedKeys = 12;

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  void record(std::string_view field, std::string& value);

 private:
  [[noreturn]] void fail(std::string_view reason) const {
    throw Error(str("malformed JSON at column ", at_ + 1, ": ", reason));
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space() {
    while (at_ < text_.size() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(str("expected '", c, "'", at_ < text_.size() ? "" : ", the record ends here"));
  }
  void string(std::string* out);
  void escape(std::string* out);
  void key() {  // of a member that is skipped
    space();
    string(nullptr);
    space();
    expect(':');
  }
  std::uint32_t four_digits();
  void digits();
  void number();
  void literal(std::string_view word);
  void scalar();
  void skip_value();

  std::string_view text_;
  std::size_t at_ = 0;
};

// The opening quote is next; `out` may be null.
void Scanner::string(std::string* out) {
  expect('"');
  while (true) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20) {
      ++at_;
    }
    if (out != nullptr) out->append(text_.substr(begin, at_ - begin));
    if (at_ == text_.size()) fail("the string does not end");
    if (take('"')) return;
    if (!take('\\')) fail("a control character inside a string");
    escape(out);
  }
}

void Scanner::escape(std::string* out) {
  static constexpr std::string_view kNames = "\"\\/bfnrt";
  static constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  if (!take('u')) {
    const std::size_t found = kNames.find(peek());
    if (at_ == text_.size() || found == std::string_view::npos) fail("unknown escape");
    ++at_;
    if (out != nullptr) out->push_back(kValues[found]);
    return;
  }
  std::uint32_t code = four_digits();
  if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
    const std::size_t before = at_;
    at_ += 2;
    const std::uint32_t low = four_digits();
    if (low >= 0xDC00 && low < 0xE000) {
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else {
      at_ = before;  // not its partner: read again by itself
    }
  }
  if (code >= 0xD800 && code < 0xE000) code = 0xFFFD;
  if (out != nullptr) append_utf8(*out, code);
}

std::uint32_t Scanner::four_digits() {
  std::uint32_t code = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = peek();
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<std::uint32_t>((c | 0x20) - 'a') + 10;
    } else {
      fail("\\u needs four hexadecimal digits");
    }
    code = code * 16 + digit;
  }
  return code;
}

void Scanner::digits() {
  if (peek() < '0' || peek() > '9') fail("expected a digit");
  while (peek() >= '0' && peek() <= '9') ++at_;
}

void Scanner::number() {
  take('-');
  if (!take('0')) digits();
  if (take('.')) digits();
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    digits();
  }
}

void Scanner::literal(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) fail("expected a value");
  at_ += word.size();
}

void Scanner::scalar() {
  switch (peek()) {
    case '"': return string(nullptr);
    case 't': return literal("true");
    case 'f': return literal("false");
    case 'n': return literal("null");
    case '-': return number();
    default:
      if (peek() >= '0' && peek() <= '9') return number();
      fail(at_ < text_.size() ? "expected a value" : "expected a value, the record ends here");
  }
}

// Any value, without recursion: `open` holds the brackets that wait for their end.
void Scanner::skip_value() {
  std::vector<char> open;
  while (true) {
    space();
    const char c = peek();
    if (c == '{' || c == '[') {
      ++at_;
      open.push_back(c == '{' ? '}' : ']');
      if (open.size() > kMaxDepth) fail(str("nested deeper than ", kMaxDepth));
      space();
      if (peek() != open.back()) {
        if (c == '{') key();
        continue;
      }
    } else {
      scalar();
    }
    while (true) {  // a value has ended
      if (!open.empty()) space();
      if (open.empty()) return;
      if (take(',')) break;
      expect(open.back());
      open.pop_back();
    }
    if (open.back() == '}') key();
  }
}

void Scanner::record(std::string_view field, std::string& value) {
  bool found = false, is_string = true;
  std::string key, keys;
  std::size_t key_count = 0;
  space();
  expect('{');
  space();
  for (bool more = !take('}'); more;) {
    space();
    key.clear();
    string(&key);
    space();
    expect(':');
    space();
    if (key_count++ < kMaxNamedKeys) keys += str(keys.empty() ? "" : ", ", key.substr(0, 40));
    if (key == field) {
      found = true;
      is_string = peek() == '"';
      value.clear();
      if (is_string) string(&value);
    }
    if (key != field || !is_string) skip_value();
    space();
    more = take(',');
    if (!more) expect('}');
  }
  space();
  if (at_ != text_.size()) fail("more text after the record");
  if (!found) throw Error(str("no field \"", field, "\"; its fields: ", keys, " (--field chooses one)"));
  if (!is_string) throw Error(str("field \"", field, "\" is not a string"));
}

}  // namespace

void extract_json_string(std::string_view record, std::string_view field, std::string& value) {
  Scanner(record).record(field, value);
}

}  // namespace phalanx::data
