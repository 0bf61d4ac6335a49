#include "data/masked_lm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "core/check.h"
#include "data/manifest.h"
#include "data/shard_format.h"
#include "data/tokenizer/wordpiece_model.h"

namespace phalanx::data {
namespace {

TokenId special_id(const Tokenizer& tokenizer, const char* bert, const char* roberta, const std::string& place) {
  for (const std::string_view name : {bert, roberta}) {
    const auto found = std::ranges::find(tokenizer.special_tokens(), name, &Tokenizer::Special::text);
    if (found != tokenizer.special_tokens().end()) return found->id;
  }
  throw UsageError(str(place, ": its tokenizer (", tokenizer.kind(), ") has no special token ", bert, " or ", roberta,
                       ", which masked language modelling needs; `phalanx tokenizer train --kind wordpiece` makes "
                       "one that has"));
}

bool continues_word(const Tokenizer& tokenizer, TokenId id) {
  const std::string text = tokenizer.token_text(id);
  if (tokenizer.kind() == "wordpiece") return text.starts_with(kContinuation) && text.size() > kContinuation.size();
  if (tokenizer.kind() == "bpe") return text.find_first_of(" \t\n\v\f\r") != 0;
  return false;
}

void require_share(double share, const char* key) {
  if (!(share >= 0 && share <= 1)) throw UsageError(str(key, " must be from 0 to 1, found ", share));
}

}  // namespace

MaskedVocabulary masked_vocabulary(const Tokenizer& tokenizer, const std::string& place) {
  MaskedVocabulary result;
  result.mask = special_id(tokenizer, "[MASK]", "<mask>", place);
  result.cls = special_id(tokenizer, "[CLS]", "<s>", place);
  result.sep = special_id(tokenizer, "[SEP]", "</s>", place);
  result.pad = special_id(tokenizer, "[PAD]", "<pad>", place);
  const auto vocabulary = static_cast<std::size_t>(tokenizer.vocabulary());
  result.is_special.resize(vocabulary);
  for (const Tokenizer::Special& special : tokenizer.special_tokens()) {
    result.is_special[static_cast<std::size_t>(special.id)] = true;
  }
  result.continues_word.resize(vocabulary);
  for (std::size_t id = 0; id < vocabulary; ++id) {
    result.continues_word[id] = !result.is_special[id] && continues_word(tokenizer, static_cast<TokenId>(id));
  }
  return result;
}

MaskedVocabulary read_masked_vocabulary(const std::string& shard_folder) {
  const std::string expected = read_manifest(shard_folder).tokenizer_digest;
  const std::string place = (std::filesystem::path(shard_folder) / kTokenizerFolder).string();
  const auto tokenizer = load_tokenizer(place);
  const std::string found = tokenizer->digest();
  if (found != expected) {
    throw Error(
        str(place, ": is not the tokenizer that made the tokens: digest ", found, ", manifest.json says ", expected));
  }
  return masked_vocabulary(*tokenizer, place);
}

int predictions_per_sequence(int context, double mask_probability) {
  return std::max(1, static_cast<int>(std::lround(mask_probability * context)));
}

BatchShape batch_shape(int B, int context, const std::optional<MaskedLm>& masked) {
  BatchShape shape{.B = B, .T = context};
  if (masked) {
    shape.P = predictions_per_sequence(context, masked->mask_probability);
    shape.pairs = masked->next_sentence;
  }
  return shape;
}

WindowShape window_shape(int context, const std::optional<MaskedLm>& masked) {
  if (!masked) return {.stride = context, .tokens = std::int64_t{context} + 1};
  const std::int64_t tokens = context - (masked->next_sentence ? 3 : 2);
  return {.stride = tokens, .tokens = tokens};
}

void require_masked_lm(const MaskedLm& masked, int context) {
  require_share(masked.mask_probability, "objective.mask_probability");
  require_share(masked.mask_token, "objective.mask_token");
  require_share(masked.random_token, "objective.random_token");
  if (masked.mask_probability == 0) throw UsageError("objective.mask_probability must be above 0");
  if (masked.mask_token + masked.random_token > 1 + 1e-9) {
    throw UsageError(str("objective.mask_token (", masked.mask_token, ") and objective.random_token (",
                         masked.random_token, ") must not sum to more than 1"));
  }
  if (masked.span < 1) throw UsageError(str("objective.span must be at least 1, found ", masked.span));
  const int shortest = masked.next_sentence ? 5 : 3;  // special tokens, and one token in each segment
  if (context < shortest) {
    throw UsageError(str("model.context (", context, ") must be at least ", shortest, " for masked_lm",
                         masked.next_sentence ? " with next_sentence" : ""));
  }
  const MaskedVocabulary& v = masked.vocabulary;
  const auto ids = static_cast<TokenId>(v.is_special.size());
  ENSURE(v.continues_word.size() == v.is_special.size(), "tables of ", v.is_special.size(), " and ",
         v.continues_word.size(), " ids");
  for (const TokenId id : {v.cls, v.sep, v.pad, v.mask}) {
    ENSURE(id >= 0 && id < ids && v.is_special[static_cast<std::size_t>(id)], "special token ", id, " of ", ids);
  }
  ENSURE(std::ranges::find(v.is_special, false) != v.is_special.end(), "all ", ids, " ids are special");
}

}  // namespace phalanx::data
