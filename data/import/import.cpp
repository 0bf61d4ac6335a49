// From one of the formats into the parts of the output.
#include "data/import/import.h"

#include <filesystem>

#include "core/check.h"
#include "core/clock.h"
#include "data/import/llmc.h"
#include "data/import/megatron.h"
#include "data/import/nvidia_bert.h"
#include "data/import/token_sink.h"

namespace phalanx::data {
namespace {

namespace fs = std::filesystem;

void require_inputs(const ImportOptions& options) {
  if (options.inputs.empty()) throw UsageError("no input: name files with --input");
  for (const std::string& input : options.inputs) {
    const bool is_pair = options.from == ImportFormat::megatron && fs::exists(input + ".idx");
    if (!is_pair && !fs::exists(input)) throw UsageError(str(input, ": no such file"));
    if (!is_pair && fs::is_directory(input)) throw UsageError(str(input, ": is a folder; name the files in it"));
  }
}

void import_files(const ImportOptions& options, const Tokenizer& tokenizer, TokenSink& sink) {
  switch (options.from) {
    case ImportFormat::megatron: return import_megatron(options.inputs, tokenizer, sink);
    case ImportFormat::llmc: return import_llmc(options.inputs, tokenizer, sink);
    case ImportFormat::nvidia_bert: return import_nvidia_bert(options.inputs, tokenizer, sink);
  }
}

}  // namespace

ImportFormat import_format_from_name(std::string_view name) {
  if (name == "megatron") return ImportFormat::megatron;
  if (name == "llmc") return ImportFormat::llmc;
  if (name == "nvidia_bert") return ImportFormat::nvidia_bert;
  throw UsageError(str("--from must be megatron, llmc or nvidia_bert, found '", name, "'"));
}

ImportReport import_tokens(const ImportOptions& options, const Tokenizer& tokenizer) {
  const Clock::time_point begin = Clock::now();
  require_validation_fraction(options.parts.validation_fraction);
  require_inputs(options);
  DocumentParts parts(options.parts, tokenizer);
  ImportReport report;
  {
    TokenSink sink(parts, tokenizer);
    import_files(options, tokenizer, sink);
    report.tokens_read = sink.tokens();
    report.ends_added = sink.ends_added();
  }
  if (parts.kept() == 0) throw Error(str("the input holds no tokens: ", parts.documents(), " empty documents"));
  const DocumentParts::Result written = parts.finish();
  report.train = written.train;
  report.validation = written.validation;
  report.empty_documents = parts.empty_documents();
  report.seconds = seconds_since(begin);
  return report;
}

}  // namespace phalanx::data
