#include "data/tokenizer/claimed_vocabulary.h"

#include "core/check.h"

namespace phalanx::data {

std::vector<std::string> texts_by_id(const ClaimedVocabulary& vocabulary) {
  const auto refuse = [&](const auto&... message) { throw Error(str(vocabulary.place, ": ", message...)); };
  const auto count = static_cast<std::int64_t>(vocabulary.entries.size());
  std::vector<std::string> texts(vocabulary.entries.size());
  std::vector<bool> taken(vocabulary.entries.size());
  for (const auto& [text, id] : vocabulary.entries) {
    if (text.empty()) refuse("a token is empty (id ", id, ")");
    if (id < 0 || id >= count) {
      refuse("token '", text, "' has id ", id, "; the ids of ", count, " tokens must be 0 to ", count - 1);
    }
    const auto index = static_cast<std::size_t>(id);
    if (taken[index]) refuse("id ", id, " is given to two tokens, '", texts[index], "' and '", text, "'");
    taken[index] = true;
    texts[index] = text;
  }
  return texts;
}

std::unordered_map<std::string, TokenId> ids_by_text(const std::vector<std::string>& texts, const std::string& place) {
  std::unordered_map<std::string, TokenId> ids;
  ids.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto [entry, is_new] = ids.emplace(texts[i], static_cast<TokenId>(i));
    if (!is_new) throw Error(str(place, ": token '", texts[i], "' appears twice, as id ", entry->second, " and ", i));
  }
  return ids;
}

}  // namespace phalanx::data
