// An end-of-text id is held until it is known whether the document goes on.
#include "data/import/token_sink.h"

#include <utility>

#include "core/check.h"

namespace phalanx::data {

void TokenSink::add(std::span<const TokenId> ids) {
  if (ids.empty()) return;
  document_is_open_ = true;
  tokens_ += static_cast<std::int64_t>(ids.size());
  if (std::exchange(end_is_due_, false)) parts_.add_tokens(std::span(&end_of_text_, 1));
  end_is_due_ = end_of_text_ >= 0 && ids.back() == end_of_text_;
  parts_.add_tokens(ids.first(ids.size() - (end_is_due_ ? 1 : 0)));
  show_progress();
}

void TokenSink::begin_sentence() { parts_.begin_sentence(); }

void TokenSink::end_document() {
  if (!std::exchange(end_is_due_, false) && document_is_open_ && end_of_text_ >= 0) ++ends_added_;
  parts_.end_document();
  document_is_open_ = false;
}

void TokenSink::show_progress() {
  if (!progress_.due()) return;
  const double millions = static_cast<double>(tokens_) * 1e-6;
  progress_.show(str("import: ", static_cast<std::int64_t>(millions), " M tokens, ", parts_.documents(), " documents, ",
                     static_cast<std::int64_t>(millions / seconds_since(begin_) * 10) / 10.0, " M tokens/s"));
}

}  // namespace phalanx::data
