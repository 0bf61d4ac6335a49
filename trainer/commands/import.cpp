// phalanx import: a model that other programs saved as a checkpoint to train on.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "core/check.h"
#include "parallel/runtime.h"
#include "trainer/commands/command.h"
#include "trainer/hf/import.h"

namespace phalanx::commands {
namespace {

struct Options {
  std::string input;
  std::string output;
};

int run(const Options& options, const Runtime& runtime) {
  if (runtime.world_size() > 1) throw UsageError("import is the work of one process; start it without mpirun");
  const hf::ImportReport report = hf::import_model(options.input, options.output);
  std::cout << report.checkpoint << ": " << report.parameters << " parameters, "
            << (report.tokenizer ? "with the tokenizer"
                                 : "no tokenizer (the folder has none; generate and fill need one)")
            << '\n';
  return 0;
}

}  // namespace

void add_import(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("import", "Make a checkpoint of a folder that Hugging Face's transformers saved");
  command
      ->add_option("--input,--from", options->input, "folder with config.json and model.safetensors, single or sharded")
      ->required();
  command->add_option("--output", options->output, "folder of checkpoints to make; it must not be there")->required();
  command->callback(
      [options, &selection] { selection.run = [options](Runtime& runtime) { return run(*options, runtime); }; });
}

}  // namespace phalanx::commands
