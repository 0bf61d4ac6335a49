// The program: parse, start MPI, run the chosen command, end with 0 (success), 1 (failure) or 2 (bad usage).
// Start reading here, then trainer/commands/ and trainer/trainer.cpp.
#include <CLI/CLI.hpp>
#include <iostream>
#include <sstream>

#include "core/check.h"
#include "core/log.h"
#include "parallel/runtime.h"
#include "trainer/commands/command.h"
#include "trainer/failure.h"
#include "trainer/version.h"

namespace {

using namespace phalanx;

constexpr int kUsage = static_cast<int>(Exit::usage);

// Ranks meet errors of the command line alike; one of them prints. Help and version are no errors.
int report_parse(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream nowhere;
  const bool speaks = speaks_for_all();
  const int code = app.exit(error, speaks ? std::cout : nowhere, speaks ? std::cerr : nowhere);
  return code == 0 ? 0 : kUsage;
}

int run(const commands::Selection& selection, int argc, char** argv) {
  Runtime runtime(&argc, &argv);
  try {
    return selection.run(runtime);
  } catch (const std::exception& error) {
    return end_job(runtime, error);
  }
}

}  // namespace

int main(int argc, char** argv) {
  commands::Selection selection;
  CLI::App app{"Pretrains transformer language models across many ranks."};
  app.name("phalanx");
  app.set_version_flag("--version", version_text, "Print commit and library versions");
  app.require_subcommand(0, 1);
  for (const auto add : {commands::add_tokenizer, commands::add_data, commands::add_config, commands::add_train,
                         commands::add_evaluate, commands::add_generate, commands::add_fill, commands::add_attention,
                         commands::add_checkpoint, commands::add_dashboard, commands::add_preflight, commands::add_plan,
                         commands::add_bench, commands::add_export, commands::add_import}) {
    add(app, selection);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_parse(app, error);
  }
  if (!selection.run) {
    if (speaks_for_all()) std::cerr << app.help();
    return kUsage;
  }
  try {
    return run(selection, argc, argv);
  } catch (const UsageError& error) {  // MPI did not start
    log::error(error.what());
    return kUsage;
  } catch (const std::exception& error) {
    log::error(error.what());
    return static_cast<int>(Exit::failure);
  }
}
