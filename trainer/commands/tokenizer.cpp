// phalanx tokenizer train: a vocabulary from text.
#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>
#include <memory>
#include <thread>

#include "core/check.h"
#include "core/clock.h"
#include "data/progress.h"
#include "data/text_source.h"
#include "data/tokenizer/bpe.h"
#include "data/tokenizer/bpe_train.h"
#include "data/tokenizer/tokenizer_folder.h"
#include "parallel/runtime.h"
#include "trainer/commands/command.h"

namespace phalanx::commands {
namespace {

struct Options {
  std::string kind = "bpe";
  data::TextOptions text;
  std::string output;
  data::BpeTrainOptions training;
};

data::BpeTraining train(const Options& options, data::TextSource& source) {
  data::Progress progress;
  data::TextPiece piece;
  return data::train_bpe(options.training, [&](std::string& text) {
    if (progress.due()) {
      progress.show(str("read ", source.file_bytes_read() >> 20, " of ", source.file_bytes() >> 20, " MiB"));
    }
    if (!source.next(piece)) return false;
    text.swap(piece.text);
    return true;
  });
}

void print_summary(const Options& options, const data::Tokenizer& tokenizer, const data::BpeTraining& training,
                   const data::TextSource& source, double seconds) {
  const auto line = [](const char* name, const auto&... parts) {
    std::cout << std::left << std::setw(12) << name << str(parts...) << '\n';
  };
  const double bytes_per_token =
      static_cast<double>(training.corpus_bytes) / static_cast<double>(training.corpus_tokens);
  line("tokenizer", options.output, " (", tokenizer.kind(), ")");
  line("entries", tokenizer.vocabulary(), ": 256 bytes, ", training.model.merges.size(), " merges, ",
       tokenizer.special_tokens().size(), " special");
  line("corpus", training.corpus_bytes, " bytes, ", source.counts().documents, " document(s), ",
       training.distinct_words, " distinct words");
  line("tokens", training.corpus_tokens, ", ", std::fixed, std::setprecision(3), bytes_per_token, " bytes per token");
  line("seconds", std::fixed, std::setprecision(2), seconds);
  line("digest", tokenizer.digest());
}

int run(const Options& options) {
  const Clock::time_point begin = Clock::now();
  data::check_tokenizer_folder(options.output);
  data::TextSource source(options.text);
  const data::BpeTraining training = train(options, source);
  const data::BpeTokenizer tokenizer(training.model);
  data::save_tokenizer_folder(tokenizer, options.output);
  print_summary(options, tokenizer, training, source, seconds_since(begin));
  return 0;
}

void add_train_options(CLI::App& command, Options& options) {
  options.training.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  command.add_option("--kind", options.kind, "algorithm")->check(CLI::IsMember({"bpe"}))->capture_default_str();
  command.add_option("--vocabulary", options.training.vocabulary, "entries: 256 bytes, merges and special tokens")
      ->required();
  command
      .add_option("--input", options.text.inputs,
                  "text or .jsonl files, their .gz or .zst, folders of these; -: JSONL from standard input")
      ->required();
  command.add_option("--output", options.output, "folder to write; may hold a tokenizer, which is replaced")
      ->required();
  command.add_option("--special", options.training.specials, "special tokens, the first ends a text")
      ->capture_default_str();
  command.add_option("--field", options.text.field, "of a JSONL record: the one that holds the text")
      ->capture_default_str();
  command.add_option("--threads", options.training.threads, "threads that count words")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
}

}  // namespace

void add_tokenizer(CLI::App& app, Selection& selection) {
  CLI::App* tokenizer = app.add_subcommand("tokenizer", "Make tokenizers");
  tokenizer->require_subcommand(1);
  CLI::App* command = tokenizer->add_subcommand("train", "Learn a vocabulary from text");
  const auto options = std::make_shared<Options>();
  add_train_options(*command, *options);
  command->callback([options, &selection] {
    selection.run = [options](Runtime& runtime) { return runtime.world_rank() == 0 ? run(*options) : 0; };
  });
}

}  // namespace phalanx::commands
