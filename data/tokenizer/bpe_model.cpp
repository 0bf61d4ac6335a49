#include "data/tokenizer/bpe_model.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "core/check.h"
#include "data/tokenizer/byte_alphabet.h"

namespace phalanx::data {
namespace {

template <class... Args>
[[noreturn]] void refuse(const Args&... args) {
  throw Error(str(args...));
}

bool looks_special(const std::string& text) {
  const bool bracketed = (text.front() == '<' && text.back() == '>') || (text.front() == '[' && text.back() == ']');
  return (bracketed && text.size() > 2) || text.starts_with("madeupword");
}

class Checker {
 public:
  explicit Checker(const BpeClaims& claims)
      : claims_(claims),
        texts_(texts_by_id(claims.vocabulary)),
        ids_(ids_by_text(texts_, claims.vocabulary.place)),
        ordinary_(texts_.size()) {
    model_.tokens.resize(texts_.size());
  }

  BpeModel run() {
    find_bytes();
    find_merges();
    find_specials();
    find_end_of_text();
    return std::move(model_);
  }

 private:
  void set_ordinary(TokenId id, std::string bytes) {
    ordinary_[static_cast<std::size_t>(id)] = true;
    model_.tokens[static_cast<std::size_t>(id)] = std::move(bytes);
  }

  void find_bytes() {
    for (const std::uint8_t byte : alphabet_order()) {
      const std::string bytes(1, static_cast<char>(byte));
      const auto found = ids_.find(to_alphabet(bytes));
      if (found == ids_.end()) {
        refuse(claims_.vocabulary.place, ": no token for byte ", int{byte}, " ('", to_alphabet(bytes),
               "'); a byte-level vocabulary holds all 256 bytes");
      }
      set_ordinary(found->second, bytes);
    }
  }

  TokenId id_of(const std::string& text, const std::string& place) const {
    const auto found = ids_.find(text);
    if (found == ids_.end()) refuse(place, ": token '", text, "' is not in ", claims_.vocabulary.place);
    return found->second;
  }

  void find_merges() {
    PairMap seen(claims_.merges.size());
    for (const auto& [left, right, place] : claims_.merges) {
      const std::string joined = left + right;
      const std::optional<std::string> bytes = from_alphabet(joined);
      if (!bytes) refuse(place, ": '", joined, "' has characters outside the byte alphabet of GPT-2");
      const BpeModel::Merge merge{id_of(left, place), id_of(right, place), id_of(joined, place)};
      const auto rank = static_cast<std::uint32_t>(model_.merges.size());
      if (seen.find_or_insert(merge.left, merge.right, rank) != rank) {
        refuse(place, ": the merge of '", left, "' and '", right, "' appears twice");
      }
      set_ordinary(merge.result, *bytes);
      model_.merges.push_back(merge);
    }
  }

  void find_specials() {
    const std::unordered_set<std::string> stated(claims_.specials.begin(), claims_.specials.end());
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      if (ordinary_[i]) continue;
      if (!stated.contains(texts_[i]) && !looks_special(texts_[i])) {
        refuse(claims_.merges_place, ": no merge makes token '", texts_[i], "' (id ", i, " of ",
               claims_.vocabulary.place, "): the merges are incomplete, or it is a special token and must be stated");
      }
      model_.tokens[i] = texts_[i];
      model_.specials.push_back({texts_[i], static_cast<TokenId>(i)});
    }
  }

  // As stated, or under the names that GPT-2 and RoBERTa use.
  void find_end_of_text() {
    const auto special = [&](std::string_view text) {
      const auto found = std::ranges::find(model_.specials, text, &Tokenizer::Special::text);
      return found == model_.specials.end() ? -1 : found->id;
    };
    if (!claims_.end_of_text.empty()) {
      model_.end_of_text = special(claims_.end_of_text);
      if (model_.end_of_text < 0) {
        refuse(claims_.vocabulary.place, ": the end-of-text token '", claims_.end_of_text, "' is not a special token");
      }
      return;
    }
    model_.end_of_text = special("<|endoftext|>");
    if (model_.end_of_text < 0) model_.end_of_text = special("</s>");
  }

  const BpeClaims& claims_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, TokenId> ids_;
  std::vector<bool> ordinary_;  // by id: a byte or made by a merge
  BpeModel model_;
};

}  // namespace

BpeModel check_bpe(const BpeClaims& claims) { return Checker(claims).run(); }

}  // namespace phalanx::data
