// A command: how it adds itself to the command line, and what runs it. One file per command; main.cpp lists them.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace phalanx {
class Runtime;
}

namespace phalanx::commands {

// The chosen command sets `run`; main calls it with MPI started and returns its value as the exit status.
struct Selection {
  std::function<int(Runtime&)> run;
};

void add_tokenizer(CLI::App& app, Selection& selection);
void add_data(CLI::App& app, Selection& selection);
void add_config(CLI::App& app, Selection& selection);
void add_train(CLI::App& app, Selection& selection);
void add_evaluate(CLI::App& app, Selection& selection);
void add_generate(CLI::App& app, Selection& selection);
void add_fill(CLI::App& app, Selection& selection);
void add_attention(CLI::App& app, Selection& selection);
void add_checkpoint(CLI::App& app, Selection& selection);
void add_dashboard(CLI::App& app, Selection& selection);
void add_preflight(CLI::App& app, Selection& selection);
void add_plan(CLI::App& app, Selection& selection);
void add_bench(CLI::App& app, Selection& selection);
void add_export(CLI::App& app, Selection& selection);
void add_import(CLI::App& app, Selection& selection);

}  // namespace phalanx::commands
