// phalanx data prepare | import | inspect: text or tokens of others into token shards, and what is in them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/log.h"
#include "data/inspect.h"
#include "data/prepare.h"
#include "parallel/runtime.h"
#include "trainer/commands/command.h"
#include "trainer/commands/data_import.h"

namespace phalanx::commands {
namespace {

using nlohmann::json;

struct PrepareArguments {
  data::PrepareOptions options;
  std::string tokenizer;
  std::string split = "file";
  std::int64_t shard_mib = 1024;
};

struct InspectArguments {
  std::string folder;
  std::int64_t show = 0;
  bool as_json = false;
};

// With two decimals.
std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

double ratio(std::int64_t a, std::int64_t b) { return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b); }

void print_part(const data::PreparedPart& part) {
  if (part.folder.empty()) return;
  std::cout << part.folder << ": " << part.documents << " documents, " << part.tokens << " tokens, " << part.text_bytes
            << " bytes of text, " << rounded(ratio(part.text_bytes, part.tokens)) << " bytes/token\n";
}

int run_prepare(PrepareArguments arguments) {
  arguments.options.text.split = data::text_split_from_name(arguments.split);
  arguments.options.max_file_bytes = arguments.shard_mib << 20;
  const auto tokenizer = data::load_tokenizer(arguments.tokenizer);
  const data::PrepareReport report = data::prepare(arguments.options, *tokenizer);
  print_part(report.train);
  print_part(report.validation);
  const double megabytes = static_cast<double>(report.train.text_bytes + report.validation.text_bytes) * 1e-6;
  std::cout << "empty documents skipped: " << report.empty_documents
            << ", invalid UTF-8 sequences: " << report.invalid_utf8 << ", " << rounded(report.seconds) << " s, "
            << rounded(megabytes / report.seconds) << " MB/s\n"
            << std::flush;
  if (report.invalid_utf8 > 0) {
    log::warning("the text holds ", report.invalid_utf8, " byte sequences that are not UTF-8; they were ",
                 tokenizer->kind() == "wordpiece" ? "left out" : "kept as they are");
  }
  return 0;
}

json to_json(const data::Inspection& inspection) {
  const data::Manifest& m = inspection.manifest;
  json samples = json::array();
  for (const data::InspectedSample& sample : inspection.samples) {
    samples.push_back({{"document", sample.document}, {"tokens", sample.tokens}, {"text", sample.text}});
  }
  const data::LengthSummary& l = inspection.lengths;
  return {{"source", m.source},
          {"tokens", m.tokens},
          {"documents", m.documents},
          {"text_bytes", m.text_bytes},
          {"bytes_per_token", ratio(m.text_bytes, m.tokens)},
          {"file_bytes", inspection.file_bytes},
          {"shards", m.shards.size()},
          {"vocabulary", m.vocabulary},
          {"tokenizer_kind", m.tokenizer_kind},
          {"tokenizer_digest", m.tokenizer_digest},
          {"data_digest", inspection.data_digest},
          {"document_tokens",
           {{"min", l.shortest},
            {"p10", l.p10},
            {"p50", l.median},
            {"p90", l.p90},
            {"p99", l.p99},
            {"max", l.longest},
            {"mean", l.mean}}},
          {"samples", samples}};
}

void print_inspection(const std::string& folder, const data::Inspection& inspection) {
  const data::Manifest& m = inspection.manifest;
  const data::LengthSummary& l = inspection.lengths;
  std::cout << folder << ": all checksums match\n"
            << "source            " << m.source << "\n"
            << "tokens            " << m.tokens << "\n"
            << "documents         " << m.documents << "\n"
            << "text              "
            << (m.text_bytes > 0 ? str(m.text_bytes, " bytes, ", rounded(ratio(m.text_bytes, m.tokens)), " bytes/token")
                                 : "of unknown size: imported as tokens")
            << "\n"
            << "shards            " << m.shards.size() << ", " << inspection.file_bytes << " bytes\n"
            << "tokenizer         " << m.tokenizer_kind << ", " << m.vocabulary << " entries, " << m.tokenizer_digest
            << "\n"
            << "data digest       " << inspection.data_digest << "\n"
            << "document tokens   min " << l.shortest << ", 10 % " << l.p10 << ", median " << l.median << ", 90 % "
            << l.p90 << ", 99 % " << l.p99 << ", max " << l.longest << ", mean " << rounded(l.mean) << "\n";
  for (const data::InspectedSample& sample : inspection.samples) {
    std::cout << "\ndocument " << sample.document << " (" << sample.tokens << " tokens):\n" << sample.text << "\n";
  }
}

int run_inspect(const InspectArguments& arguments) {
  const data::Inspection inspection = data::inspect(arguments.folder, arguments.show);
  if (arguments.as_json) {
    // Tokens of a sample may end inside a character: what is not UTF-8 is replaced.
    std::cout << to_json(inspection).dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
  } else {
    print_inspection(arguments.folder, inspection);
  }
  std::cout << std::flush;
  return 0;
}

void add_prepare(CLI::App& data, Selection& selection) {
  CLI::App* prepare = data.add_subcommand("prepare", "Turn text into token shards: OUTPUT/train and OUTPUT/validation");
  const auto arguments = std::make_shared<PrepareArguments>();
  data::PrepareOptions& options = arguments->options;
  prepare->add_option("--tokenizer", arguments->tokenizer, "Folder of the tokenizer")->required();
  prepare
      ->add_option("--input", options.text.inputs,
                   "Text or JSONL files, plain, .gz or .zst; folders; - for JSONL on standard input")
      ->required();
  prepare->add_option("--output", options.output, "Folder to make train/ and validation/ in")->required();
  prepare->add_option("--validation-fraction", options.validation_fraction, "Share of the documents held out")
      ->capture_default_str();
  prepare->add_option("--split", arguments->split, "What ends a document of plain text: file, blank_line or line")
      ->capture_default_str();
  prepare->add_option("--field", options.text.field, "Field of a JSONL record that holds the document")
      ->capture_default_str();
  prepare->add_option("--workers", options.workers, "Threads that encode (default: one per core)");
  prepare->add_option("--name", options.source, "Name of the source, kept in the shards (default: that of the output)");
  prepare->add_option("--shard-mib", arguments->shard_mib, "Largest shard, MiB")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  prepare->callback([&selection, arguments] {
    selection.run = [arguments](Runtime& runtime) { return runtime.world_rank() == 0 ? run_prepare(*arguments) : 0; };
  });
}

void add_inspect(CLI::App& data, Selection& selection) {
  CLI::App* inspect = data.add_subcommand("inspect", "Check a folder of token shards completely and say what is in it");
  const auto arguments = std::make_shared<InspectArguments>();
  inspect->add_option("DIR", arguments->folder, "Folder of shards, such as datasets/kjv/train")->required();
  inspect->add_option("--show", arguments->show, "Documents to decode and print")->check(CLI::Range(0, 1000000));
  inspect->add_flag("--json", arguments->as_json, "Print one JSON object");
  inspect->callback([&selection, arguments] {
    selection.run = [arguments](Runtime& runtime) { return runtime.world_rank() == 0 ? run_inspect(*arguments) : 0; };
  });
}

}  // namespace

void add_data(CLI::App& app, Selection& selection) {
  CLI::App* data = app.add_subcommand("data", "Prepare, import and inspect training data");
  data->require_subcommand(1);
  add_prepare(*data, selection);
  add_data_import(*data, selection);
  add_inspect(*data, selection);
}

}  // namespace phalanx::commands
