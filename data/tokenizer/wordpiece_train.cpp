#include "data/tokenizer/wordpiece_train.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "core/check.h"
#include "data/tokenizer/bert_words.h"
#include "data/tokenizer/learn_merges.h"
#include "data/tokenizer/piece_matcher.h"
#include "data/utf8.h"

namespace phalanx::data {
namespace {

constexpr auto kSpecials = static_cast<std::int64_t>(kBertSpecials.size());

void check_options(const WordPieceTrainOptions& options) {
  constexpr std::int64_t largest = std::numeric_limits<TokenId>::max();
  require_usage(options.alphabet >= 1, "--alphabet (", options.alphabet, ") must be at least 1");
  require_usage(options.vocabulary > kSpecials, "--vocabulary (", options.vocabulary, ") must be at least ",
                kSpecials + 1, ": ", kSpecials, " special tokens, and characters");
  require_usage(options.vocabulary <= largest, "--vocabulary (", options.vocabulary, ") must be at most ", largest);
}

CorpusCounts count_corpus(const WordPieceTrainOptions& options, const NextPiece& next) {
  const AddWords add = [&](std::string_view piece, WordCounts& counts) {
    BertWords words(options.text);
    const BertWords::Take take = [&](std::string_view word) { counts.add(word, 1); };
    BertSegments segments(piece);
    std::string_view segment;
    while (segments.next(segment)) words.split(segment, take);
  };
  return count_words(next, add, options.threads);
}

template <class F>
void for_each_character(std::string_view word, F&& f) {
  while (!word.empty()) {
    const CodePoint c = decode_utf8(word);
    f(c.value, word.substr(0, c.bytes));
    word.remove_prefix(c.bytes);
  }
}

// The `most` most frequent characters, ascending.
std::vector<char32_t> find_alphabet(const WordCounts& words, std::int64_t most) {
  std::unordered_map<char32_t, std::int64_t> times;
  for (std::size_t i = 0; i < words.size(); ++i) {
    for_each_character(words.word(i), [&](char32_t c, std::string_view) { times[c] += words.times(i); });
  }
  std::vector<std::pair<std::int64_t, char32_t>> ranked;  // the count negated: the most frequent first
  ranked.reserve(times.size());
  for (const auto& [c, count] : times) ranked.emplace_back(-count, c);
  std::ranges::sort(ranked);
  if (static_cast<std::int64_t>(ranked.size()) > most) ranked.resize(static_cast<std::size_t>(most));
  std::vector<char32_t> alphabet;
  alphabet.reserve(ranked.size());
  for (const auto& [count, c] : ranked) alphabet.push_back(c);
  std::ranges::sort(alphabet);
  return alphabet;
}

bool stands_alone(char32_t c, const BertTextOptions& text) {
  const BertClass kind = bert_class(c);
  return kind == BertClass::punctuation || (kind == BertClass::ideograph && text.space_ideographs);
}

TokenList first_tokens(const WordPieceTrainOptions& options, const WordCounts& words) {
  TokenList tokens;
  for (const std::string_view special : kBertSpecials) tokens.add(std::string(special));
  for (const char32_t c : find_alphabet(words, options.alphabet)) {
    std::string text;
    append_utf8(text, c);
    tokens.add(text);
    if (!stands_alone(c, options.text)) tokens.add(std::string(kContinuation) + text);
  }
  require_usage(tokens.size() <= options.vocabulary, "--vocabulary (", options.vocabulary, ") must be at least ",
                tokens.size(), ": special tokens and the characters of the corpus; or lower --alphabet (",
                options.alphabet, ")");
  return tokens;
}

// The characters of a word; nothing if one of them is not a token.
void split_word(const TokenList& tokens, std::string_view word, std::vector<TokenId>& ids) {
  const std::size_t before = ids.size();
  bool known = true;
  for_each_character(word, [&](char32_t, std::string_view text) {
    std::string token(ids.size() == before ? std::string_view() : kContinuation);
    ids.push_back(tokens.find(token.append(text)));
    known = known && ids.back() >= 0;
  });
  if (!known) ids.resize(before);
}

void count_tokens(const WordCounts& words, WordPieceTraining& training) {
  const PieceMatcher matcher(training.model);
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < words.size(); ++i) {
    ids.clear();
    matcher.match(words.word(i), ids);
    training.corpus_tokens += static_cast<std::int64_t>(ids.size()) * words.times(i);
    if (ids.front() == training.model.unknown) training.unknown_words += words.times(i);
  }
}

}  // namespace

WordPieceTraining train_wordpiece(const WordPieceTrainOptions& options, const NextPiece& next) {
  check_options(options);
  const CorpusCounts corpus = count_corpus(options, next);
  require_usage(corpus.words.size() > 0, "the corpus is empty: --input holds no text");
  TokenList tokens = first_tokens(options, corpus.words);
  BpeLearner learner(corpus.words,
                     [&](std::string_view word, std::vector<TokenId>& ids) { split_word(tokens, word, ids); });
  const auto join = [](const std::string& left, const std::string& right) {
    return left + right.substr(kContinuation.size());
  };
  const auto merges = learn_merges(learner, tokens, options.vocabulary, 0, corpus, join);
  ClaimedVocabulary vocabulary{.place = "the trained vocabulary", .entries = {}};
  for (const std::string& text : tokens.take()) {
    vocabulary.entries.push_back({text, static_cast<std::int64_t>(vocabulary.entries.size())});
  }
  WordPieceTraining training;
  training.model = check_wordpiece(vocabulary, options.text);
  training.corpus_bytes = corpus.bytes;
  training.distinct_words = static_cast<std::int64_t>(corpus.words.size());
  training.merges = static_cast<std::int64_t>(merges.size());
  count_tokens(corpus.words, training);
  return training;
}

}  // namespace phalanx::data
