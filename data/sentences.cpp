#include "data/sentences.h"

#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include "core/check.h"

namespace phalanx::data {
namespace {

void require_icu(UErrorCode status, const char* what) {
  ENSURE(U_SUCCESS(status), "ICU ", what, ": ", u_errorName(status));
}

}  // namespace

struct SentenceCutter::State {
  State();
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  UBreakIterator* iterator = nullptr;
  UText text = UTEXT_INITIALIZER;
};

SentenceCutter::State::State() {
  UErrorCode status = U_ZERO_ERROR;
  iterator = ubrk_open(UBRK_SENTENCE, "", nullptr, 0, &status);  // the root's rules: of no language
  require_icu(status, "has no rules for sentences");
}

SentenceCutter::State::~State() {
  ubrk_close(iterator);
  utext_close(&text);
}

SentenceCutter::SentenceCutter() = default;

SentenceCutter::~SentenceCutter() = default;

void SentenceCutter::cut(std::string_view text, std::vector<std::size_t>& ends) {
  if (!state_) state_ = std::make_unique<State>();
  ends.clear();
  UErrorCode status = U_ZERO_ERROR;
  utext_openUTF8(&state_->text, text.data(), static_cast<std::int64_t>(text.size()), &status);
  require_icu(status, "cannot read the text");
  ubrk_setUText(state_->iterator, &state_->text, &status);
  require_icu(status, "cannot find sentences");
  while (true) {
    const std::int32_t end = ubrk_next(state_->iterator);
    if (end == UBRK_DONE) break;
    ends.push_back(static_cast<std::size_t>(end));
  }
  if (ends.empty() || ends.back() != text.size()) ends.push_back(text.size());
}

void encode_sentences(const Tokenizer& tokenizer, std::string_view text, SentenceCutter& cutter,
                      std::vector<TokenId>& ids, std::vector<std::size_t>& begins) {
  std::vector<std::size_t> ends;
  cutter.cut(text, ends);
  std::size_t from = 0;
  for (const std::size_t end : ends) {
    if (end < text.size() && !tokenizer.may_cut(text, end)) continue;
    const std::size_t begin = ids.size();
    tokenizer.encode(text.substr(from, end - from), ids);
    if (ids.size() > begin) begins.push_back(begin);
    from = end;
  }
}

}  // namespace phalanx::data
