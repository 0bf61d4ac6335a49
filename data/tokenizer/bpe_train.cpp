#include "data/tokenizer/bpe_train.h"

#include <array>
#include <limits>
#include <set>

#include "core/check.h"
#include "data/tokenizer/byte_alphabet.h"
#include "data/tokenizer/learn_merges.h"
#include "data/tokenizer/pretokenize.h"
#include "data/utf8.h"

namespace phalanx::data {
namespace {

constexpr std::size_t kLongestWord = 1024;  // bytes
constexpr std::int64_t kBytes = 256;

void check_options(const BpeTrainOptions& options) {
  const auto specials = static_cast<std::int64_t>(options.specials.size());
  std::set<std::string> seen;
  for (const std::string& special : options.specials) {
    require_usage(!special.empty(), "--special: a special token is empty");
    require_usage(is_utf8(special), "--special: a special token is not valid UTF-8");
    require_usage(seen.insert(special).second, "--special '", special, "' is given twice");
  }
  require_usage(options.vocabulary >= kBytes + specials, "--vocabulary (", options.vocabulary, ") must be at least ",
                kBytes + specials, ": 256 bytes and ", specials, " special token(s)");
  require_usage(options.vocabulary <= std::numeric_limits<TokenId>::max(), "--vocabulary (", options.vocabulary,
                ") must be at most ", std::numeric_limits<TokenId>::max());
}

// Adds the words of GPT-2's pre-tokenisation; long ones in pieces.
void add_words(std::string_view piece, WordCounts& words) {
  WordScanner scanner(piece);
  std::string_view word;
  while (scanner.next(word)) {
    for (; word.size() > kLongestWord; word.remove_prefix(kLongestWord)) words.add(word.substr(0, kLongestWord), 1);
    words.add(word, 1);
  }
}

void learn(const BpeTrainOptions& options, const CorpusCounts& corpus, BpeTraining& training) {
  BpeModel& model = training.model;
  TokenList tokens;
  std::array<TokenId, kBytes> id_of_byte;
  for (const std::uint8_t byte : alphabet_order()) {
    id_of_byte[byte] = tokens.add(std::string(1, static_cast<char>(byte)));
  }
  BpeLearner learner(corpus.words, [&](std::string_view word, std::vector<TokenId>& ids) {
    for (const char byte : word) ids.push_back(id_of_byte[static_cast<unsigned char>(byte)]);
  });
  const auto specials = static_cast<std::int64_t>(options.specials.size());
  const auto join = [](const std::string& left, const std::string& right) { return left + right; };
  model.merges = learn_merges(learner, tokens, options.vocabulary, specials, corpus, join);
  model.tokens = tokens.take();
  training.corpus_tokens = learner.corpus_tokens();
}

void add_specials(const std::vector<std::string>& specials, BpeModel& model) {
  std::set<std::string> texts;
  for (const std::string& bytes : model.tokens) texts.insert(to_alphabet(bytes));
  for (const std::string& special : specials) {
    require_usage(!texts.contains(special), "--special '", special,
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
  const CorpusCounts corpus = count_words(next, add_words, options.threads);
  require_usage(corpus.bytes > 0, "the corpus is empty: --input holds no text");
  BpeTraining training;
  training.corpus_bytes = corpus.bytes;
  training.distinct_words = static_cast<std::int64_t>(corpus.words.size());
  learn(options, corpus, training);
  add_specials(options.specials, training.model);
  return training;
}

}  // namespace phalanx::data
