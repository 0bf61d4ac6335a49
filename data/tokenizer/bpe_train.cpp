#include "data/tokenizer/bpe_train.h"

#include <limits>
#include <set>
#include <unordered_map>

#include "core/check.h"
#include "data/tokenizer/bpe_learner.h"
#include "data/tokenizer/byte_alphabet.h"
#include "data/tokenizer/unicode.h"

namespace phalanx::data {
namespace {

constexpr std::size_t kLongestWord = 1024;  // bytes
constexpr std::int64_t kBytes = 256;

template <class... Args>
void require(bool holds, const Args&... message) {
  if (!holds) throw UsageError(str(message...));
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint c = decode_utf8(text);
    if (c.value == kInvalidCodePoint) return false;
    text.remove_prefix(c.bytes);
  }
  return true;
}

void check_options(const BpeTrainOptions& options) {
  const auto specials = static_cast<std::int64_t>(options.specials.size());
  std::set<std::string> seen;
  for (const std::string& special : options.specials) {
    require(!special.empty(), "--special: a special token is empty");
    require(is_utf8(special), "--special: a special token is not valid UTF-8");
    require(seen.insert(special).second, "--special '", special, "' is given twice");
  }
  require(options.vocabulary >= kBytes + specials, "--vocabulary (", options.vocabulary, ") must be at least ",
          kBytes + specials, ": 256 bytes and ", specials, " special token(s)");
  require(options.vocabulary <= std::numeric_limits<TokenId>::max(), "--vocabulary (", options.vocabulary,
          ") must be at most ", std::numeric_limits<TokenId>::max());
}

// Tokens made so far. Two different merges can make the same bytes; they then share one id.
class Vocabulary {
 public:
  Vocabulary() {
    for (const std::uint8_t byte : alphabet_order()) add(std::string(1, static_cast<char>(byte)));
  }

  TokenId add(const std::string& bytes) {
    const auto [entry, is_new] = ids_.emplace(bytes, static_cast<TokenId>(tokens_.size()));
    if (is_new) tokens_.push_back(bytes);
    return entry->second;
  }

  [[nodiscard]] const std::string& bytes(TokenId id) const { return tokens_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  std::vector<std::string> take_tokens() { return std::move(tokens_); }

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, TokenId> ids_;
};

void learn_merges(const BpeTrainOptions& options, const CorpusCounts& corpus, BpeTraining& training) {
  BpeModel& model = training.model;
  Vocabulary vocabulary;
  std::vector<TokenId> id_of_byte(kBytes);
  for (TokenId id = 0; id < kBytes; ++id) id_of_byte[alphabet_order()[static_cast<std::size_t>(id)]] = id;
  BpeLearner learner(corpus.words, id_of_byte);
  const auto specials = static_cast<std::int64_t>(options.specials.size());
  while (vocabulary.size() + specials < options.vocabulary) {
    const std::optional<TokenPair> pair = learner.best_pair();
    require(pair.has_value(), "the corpus (", corpus.bytes, " bytes, ", corpus.words.size(),
            " distinct words) is too small for --vocabulary ", options.vocabulary, ": it gives ", model.merges.size(),
            " merges; use --vocabulary ", vocabulary.size() + specials, " or less, or more text");
    const TokenId result = vocabulary.add(vocabulary.bytes(pair->first) + vocabulary.bytes(pair->second));
    model.merges.push_back({pair->first, pair->second, result});
    learner.merge(*pair, result);
  }
  model.tokens = vocabulary.take_tokens();
  training.corpus_tokens = learner.corpus_tokens();
}

void add_specials(const std::vector<std::string>& specials, BpeModel& model) {
  std::set<std::string> texts;
  for (const std::string& bytes : model.tokens) texts.insert(to_alphabet(bytes));
  for (const std::string& special : specials) {
    require(!texts.contains(special), "--special '", special,
            "' is an ordinary token of this vocabulary too; choose a text that is no part of the corpus");
    const auto id = static_cast<TokenId>(model.tokens.size());
    model.tokens.push_back(special);
    model.specials.push_back({special, id});
  }
  if (!model.specials.empty()) model.end_of_text = model.specials.front().id;
}

}  // namespace

BpeTraining train_bpe(const BpeTrainOptions& options, const NextPiece& next) {
  check_options(options);
  const CorpusCounts corpus = count_words(next, options.threads, kLongestWord);
  require(corpus.bytes > 0, "the corpus is empty: --input holds no text");
  BpeTraining training;
  training.corpus_bytes = corpus.bytes;
  training.distinct_words = static_cast<std::int64_t>(corpus.words.size());
  learn_merges(options, corpus, training);
  add_specials(options.specials, training.model);
  return training;
}

}  // namespace phalanx::data
