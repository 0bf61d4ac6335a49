// phalanx tokenizer train: a vocabulary from text.
#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include "core/check.h"
#include "core/clock.h"
#include "data/progress.h"
#include "data/text_source.h"
#include "data/tokenizer/bpe.h"
#include "data/tokenizer/bpe_train.h"
#include "data/tokenizer/tokenizer_folder.h"
#include "data/tokenizer/wordpiece.h"
#include "data/tokenizer/wordpiece_train.h"
#include "parallel/runtime.h"
#include "trainer/commands/command.h"
#include "trainer/commands/tokenizer_encode.h"

namespace phalanx::commands {
namespace {

struct Options {
  std::string kind = "bpe";
  data::TextOptions text;
  std::string output;
  std::int64_t vocabulary = 0;
  int threads = 1;
  data::BpeTrainOptions bpe;
  std::optional<bool> lower_case, strip_accents;
  std::optional<std::int64_t> alphabet;
  bool has_specials = false;
};

// A trained tokenizer of any kind and what to tell about it.
struct Trained {
  std::unique_ptr<data::Tokenizer> tokenizer;
  std::string entries;
  std::int64_t corpus_bytes, corpus_tokens, distinct_words;
  std::string remark;  // may be empty
};

Trained train_bpe(const Options& options, const data::NextPiece& next) {
  data::BpeTrainOptions training = options.bpe;
  training.vocabulary = options.vocabulary;
  training.threads = options.threads;
  data::BpeTraining result = data::train_bpe(training, next);
  const std::string entries = str("256 bytes, ", result.model.merges.size(), " merges, ");
  return {std::make_unique<data::BpeTokenizer>(std::move(result.model)),
          entries,
          result.corpus_bytes,
          result.corpus_tokens,
          result.distinct_words,
          ""};
}

Trained train_wordpiece(const Options& options, const data::NextPiece& next) {
  data::WordPieceTrainOptions training;
  training.vocabulary = options.vocabulary;
  training.threads = options.threads;
  training.alphabet = options.alphabet.value_or(training.alphabet);
  training.text.lower_case = options.lower_case.value_or(training.text.lower_case);
  training.text.strip_accents = options.strip_accents.value_or(training.text.lower_case);
  data::WordPieceTraining result = data::train_wordpiece(training, next);
  const std::string entries = str("characters, ", result.merges, " merges, ");
  const std::string remark = str(", ", result.unknown_words, " unknown words");
  return {std::make_unique<data::WordPieceTokenizer>(std::move(result.model)),
          entries,
          result.corpus_bytes,
          result.corpus_tokens,
          result.distinct_words,
          remark};
}

void refuse_options_of_other_kinds(const Options& options) {
  const bool is_bpe = options.kind == "bpe";
  const auto refuse = [&](bool given, const char* option) {
    if (given) throw UsageError(str(option, " has no meaning for --kind ", options.kind));
  };
  refuse(is_bpe && options.lower_case, "--lower-case");
  refuse(is_bpe && options.strip_accents, "--strip-accents");
  refuse(is_bpe && options.alphabet, "--alphabet");
  refuse(!is_bpe && options.has_specials, "--special");
}

Trained train(const Options& options, data::TextSource& source) {
  data::Progress progress;
  data::TextPiece piece;
  const data::NextPiece next = [&](std::string& text) {
    if (progress.due()) {
      progress.show(str("read ", source.file_bytes_read() >> 20, " of ", source.file_bytes() >> 20, " MiB"));
    }
    if (!source.next(piece)) return false;
    text.swap(piece.text);
    return true;
  };
  return options.kind == "bpe" ? train_bpe(options, next) : train_wordpiece(options, next);
}

void print_summary(const Options& options, const Trained& trained, const data::TextSource& source, double seconds) {
  const data::Tokenizer& tokenizer = *trained.tokenizer;
  const auto line = [](const char* name, const auto&... parts) {
    std::cout << std::left << std::setw(12) << name << str(parts...) << '\n';
  };
  const double bytes_per_token = static_cast<double>(trained.corpus_bytes) / static_cast<double>(trained.corpus_tokens);
  line("tokenizer", options.output, " (", tokenizer.kind(), ")");
  line("entries", tokenizer.vocabulary(), ": ", trained.entries, tokenizer.special_tokens().size(), " special");
  line("corpus", trained.corpus_bytes, " bytes, ", source.counts().documents, " document(s), ", trained.distinct_words,
       " distinct words");
  line("tokens", trained.corpus_tokens, ", ", std::fixed, std::setprecision(3), bytes_per_token, " bytes per token",
       trained.remark);
  line("seconds", std::fixed, std::setprecision(2), seconds);
  line("digest", tokenizer.digest());
}

int run(const Options& options) {
  const Clock::time_point begin = Clock::now();
  refuse_options_of_other_kinds(options);
  data::check_tokenizer_folder(options.output);
  data::TextSource source(options.text);
  const Trained trained = train(options, source);
  data::save_tokenizer_folder(*trained.tokenizer, options.output);
  print_summary(options, trained, source, seconds_since(begin));
  return 0;
}

void add_train_options(CLI::App& command, Options& options) {
  options.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  command.add_option("--kind", options.kind, "algorithm")
      ->check(CLI::IsMember({"bpe", "wordpiece"}))
      ->capture_default_str();
  command
      .add_option("--vocabulary", options.vocabulary, "entries: 256 bytes or the characters, merges and special tokens")
      ->required();
  command
      .add_option("--input", options.text.inputs,
                  "text or .jsonl files, their .gz or .zst, folders of these; -: JSONL from standard input")
      ->required();
  command.add_option("--output", options.output, "folder to write; may hold a tokenizer, which is replaced")
      ->required();
  command.add_option("--special", options.bpe.specials, "bpe: special tokens, the first ends a text")
      ->capture_default_str();
  command.add_option("--lower-case", options.lower_case, "wordpiece: true or false (default: true)");
  command.add_option("--strip-accents", options.strip_accents,
                     "wordpiece: true or false (default: the value of --lower-case)");
  command.add_option("--alphabet", options.alphabet, "wordpiece: different characters at most (default: 1000)");
  command.add_option("--field", options.text.field, "of a JSONL record: the one that holds the text")
      ->capture_default_str();
  command.add_option("--threads", options.threads, "threads that count words")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
}

}  // namespace

void add_tokenizer(CLI::App& app, Selection& selection) {
  CLI::App* tokenizer = app.add_subcommand("tokenizer", "Make and use tokenizers");
  tokenizer->require_subcommand(1);
  CLI::App* command = tokenizer->add_subcommand("train", "Learn a vocabulary from text");
  const auto options = std::make_shared<Options>();
  add_train_options(*command, *options);
  command->callback([command, options, &selection] {
    options->has_specials = command->count("--special") > 0;
    selection.run = [options](Runtime& runtime) { return runtime.world_rank() == 0 ? run(*options) : 0; };
  });
  add_tokenizer_encode(*tokenizer, selection);
}

}  // namespace phalanx::commands
