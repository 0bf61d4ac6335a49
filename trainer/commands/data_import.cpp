// phalanx data import: token files of Megatron, llm.c and NVIDIA's BERT into token shards.
#include "trainer/commands/data_import.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>

#include "data/import/import.h"
#include "parallel/runtime.h"

namespace phalanx::commands {
namespace {

struct Arguments {
  data::ImportOptions options;
  std::string from;
  std::string tokenizer;
  std::int64_t shard_mib = 1024;
};

void print_part(const data::PreparedPart& part) {
  if (part.folder.empty()) return;
  std::cout << part.folder << ": " << part.documents << " documents, " << part.tokens << " tokens\n";
}

int run_import(Arguments arguments) {
  arguments.options.from = data::import_format_from_name(arguments.from);
  arguments.options.parts.max_file_bytes = arguments.shard_mib << 20;
  const auto tokenizer = data::load_tokenizer(arguments.tokenizer);
  const data::ImportReport report = data::import_tokens(arguments.options, *tokenizer);
  print_part(report.train);
  print_part(report.validation);
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.2f", report.seconds);
  std::cout << report.tokens_read << " tokens read, ends of text added: " << report.ends_added
            << ", empty documents dropped: " << report.empty_documents << ", " << seconds << " s\n"
            << std::flush;
  return 0;
}

}  // namespace

void add_data_import(CLI::App& data, Selection& selection) {
  CLI::App* import =
      data.add_subcommand("import",
                          "Turn token files of Megatron, llm.c or NVIDIA's BERT into token shards: OUTPUT/train and "
                          "OUTPUT/validation");
  const auto arguments = std::make_shared<Arguments>();
  data::ImportOptions& options = arguments->options;
  import->add_option("--from", arguments->from, "Who wrote the files: megatron, llmc or nvidia_bert")->required();
  import
      ->add_option("--input", options.inputs,
                   "megatron: NAME of NAME.idx and NAME.bin; llmc: .bin files, one stream in this order; nvidia_bert: "
                   "HDF5 files")
      ->required();
  import->add_option("--tokenizer", arguments->tokenizer, "Folder of the tokenizer that made the tokens")->required();
  import->add_option("--output", options.parts.output, "Folder to make train/ and validation/ in")->required();
  import->add_option("--validation-fraction", options.parts.validation_fraction, "Share of the documents held out")
      ->capture_default_str();
  import->add_option("--name", options.parts.source,
                     "Name of the source, kept in the shards (default: that of the output)");
  import->add_option("--shard-mib", arguments->shard_mib, "Largest shard, MiB")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  import->callback([&selection, arguments] {
    selection.run = [arguments](Runtime& runtime) { return runtime.world_rank() == 0 ? run_import(*arguments) : 0;
};
}  // namespace phalanx::commands
);
}

}  // namespace phalanx::commands
