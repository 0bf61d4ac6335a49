// Text -> token ids on standard output, one line per document: to look at a tokenizer, or to compare it with another.
#include "trainer/commands/tokenizer_encode.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/clock.h"
#include "core/log.h"
#include "data/encode_pipeline.h"
#include "data/text_source.h"
#include "data/tokenizer/tokenizer.h"
#include "parallel/runtime.h"

namespace phalanx::commands {
namespace {

struct Options {
  std::string tokenizer;
  data::TextOptions text;
  std::string split = "file";
  int workers = 1;
  bool as_tokens = false;
};

// A token as a JSON string: spaces and line breaks in it can be told from those between tokens.
std::string quoted(const std::string& token) {
  return nlohmann::json(token).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int run(Options options) {
  options.text.split = data::text_split_from_name(options.split);
  const auto tokenizer = data::load_tokenizer(options.tokenizer);
  data::TextSource source(options.text);
  const Clock::time_point begin = Clock::now();
  std::int64_t tokens = 0;
  data::EncodePipeline pipeline(source, *tokenizer, options.workers);
  std::string text;
  bool begun = false;  // the line being printed
  while (const data::EncodedJob* job = pipeline.next()) {
    std::size_t next = 0;
    for (const data::EncodedPiece& piece : job->pieces) {
      tokens += static_cast<std::int64_t>(piece.ids_end - next);
      for (; next < piece.ids_end; ++next) {
        const data::TokenId id = job->ids[next];
        if (begun) text += ' ';
        begun = true;
        text += options.as_tokens ? quoted(tokenizer->token_text(id)) : std::to_string(id);
      }
      if (piece.ends_document) {
        text += '\n';
        begun = false;
      }
    }
    std::cout << text;
    text.clear();
  }
  std::cout << std::flush;
  if (!std::cout) throw Error("standard output cannot be written");
  const double seconds = seconds_since(begin);
  const data::TextCounts& counts = source.counts();
  log::info(counts.documents, " documents, ", counts.bytes, " bytes, ", tokens, " tokens, ",
            static_cast<double>(counts.bytes) * 1e-6 / seconds, " MB/s");
  return 0;
}

}  // namespace

void add_tokenizer_encode(CLI::App& tokenizer, Selection& selection) {
  CLI::App* command = tokenizer.add_subcommand("encode", "Print the token ids of text, one line per document");
  const auto options = std::make_shared<Options>();
  command->add_option("--tokenizer", options->tokenizer, "folder of the tokenizer")->required();
  command
      ->add_option("--input", options->text.inputs,
                   "text or .jsonl files, their .gz or .zst, folders of these; -: JSONL from standard input")
      ->required();
  command->add_option("--split", options->split, "what ends a document of plain text: file, blank_line or line")
      ->capture_default_str();
  command->add_option("--field", options->text.field, "of a JSONL record: the one that holds the text")
      ->capture_default_str();
  command->add_option("--workers", options->workers, "threads that encode")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_flag("--tokens", options->as_tokens, "print the texts of the tokens instead of their ids");
  command->callback([options, &selection] {
    selection.run = [options](Runtime& runtime) { return runtime.world_rank() == 0 ? run(*options) : 0; };
  });
}

}  // namespace phalanx::commands
