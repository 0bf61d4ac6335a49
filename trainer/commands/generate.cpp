// phalanx generate: continues a prompt with a checkpoint of any layout.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "data/tokenizer/text_stream.h"
#include "data/tokenizer/tokenizer.h"
#include "trainer/agree.h"
#include "trainer/commands/command.h"
#include "trainer/commands/options.h"
#include "trainer/generator.h"
#include "trainer/inference.h"
#include "trainer/threads.h"

namespace phalanx::commands {
namespace {

struct Options {
  std::string checkpoint;
  std::string prompt;
  std::int64_t tokens = 100;
  int tensor = 1;
  SamplingOptions sampling;
};

std::vector<std::int32_t> prompt_ids(const data::Tokenizer& tokenizer, const std::string& prompt) {
  std::vector<std::int32_t> ids;
  tokenizer.encode(prompt, ids);
  if (ids.empty() && tokenizer.end_of_text() >= 0) ids.push_back(tokenizer.end_of_text());  // begin a document
  return ids;
}

// Continues the prompt; rank 0 prints it, token by token.
void speak(Generator& generator, const data::Tokenizer& tokenizer, const Options& options, bool speaks) {
  const std::vector<std::int32_t> prompt = prompt_ids(tokenizer, options.prompt);
  generator.require_room(prompt);
  data::TextStream text(tokenizer, prompt);
  if (speaks) std::cout << options.prompt << std::flush;
  generator.generate(prompt, options.tokens, options.sampling, tokenizer.end_of_text(), [&](std::int32_t token) {
    if (speaks && token != tokenizer.end_of_text()) std::cout << text.add(token) << std::flush;
  });
  if (speaks) std::cout << '\n';
}

int run(const Options& options, const Runtime& runtime) {
  set_threads(runtime);
  if (runtime.world_size() % options.tensor != 0) {
    throw UsageError(
        str("--tensor (", options.tensor, ") must divide the number of ranks (", runtime.world_size(), ")"));
  }
  checkpoint::Manifest manifest;
  std::unique_ptr<data::Tokenizer> tokenizer;
  on_every_rank(runtime.world(), [&] {
    manifest = checkpoint::read_manifest(checkpoint::resolve(options.checkpoint));
    tokenizer = open_tokenizer(manifest, "generate");
  });
  Generator generator(manifest, runtime, Grid{runtime.world_size() / options.tensor, options.tensor});
  try {
    speak(generator, *tokenizer, options, runtime.world_rank() == 0);
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    throw Error(str(manifest.folder, ": ", error.what()));
  }
  return 0;
}

}  // namespace

void add_generate(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("generate", "Continue a prompt with a checkpoint");
  command->add_option("--checkpoint", options->checkpoint, "checkpoint folder, or a run folder for its newest one")
      ->required();
  command->add_option("--prompt", options->prompt, "text to continue; empty begins a new document")->required();
  command->add_option("--tokens", options->tokens, "at most this many new tokens")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40))
      ->capture_default_str();
  command->add_option("--temperature", options->sampling.temperature, "0 takes the most likely token")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  command->add_option("--top-k", options->sampling.top_k, "draw among the k most likely tokens; 0: all")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 31))
      ->capture_default_str();
  command->add_option("--top-p", options->sampling.top_p, "draw among the fewest tokens that hold this probability")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--seed", options->sampling.seed, "the same seed gives the same text")->capture_default_str();
  command->add_option("--tensor", options->tensor, "tensor-parallel ranks, under mpirun")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->callback(
      [options, &selection] { selection.run = [options](Runtime& runtime) { return run(*options, runtime); }; });
}

}  // namespace phalanx::commands
