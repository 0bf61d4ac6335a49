// Documents are dealt to two writers of shards by their ordinals.
#include "data/document_parts.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/random.h"

namespace phalanx::data {
namespace {

constexpr char kTrain[] = "train";
constexpr char kValidation[] = "validation";
// Not the run's seed: what is held out must not change with it.
constexpr std::uint64_t kSplitSeed = 0x7068616C616E78;

bool is_drawn_for_validation(std::int64_t document, double fraction) {
  const RandomKey key{kSplitSeed, Purpose::data_split, 0, 0};
  return document > 0 && random_u32(key, static_cast<std::uint64_t>(document)) < fraction * 4294967296.0;
}

std::vector<std::string> parts_of(const DocumentPartsOptions& options) {
  if (options.validation_fraction > 0) return {kTrain, kValidation};
  return {kTrain};
}

}  // namespace

void require_validation_fraction(double fraction) {
  if (!(fraction >= 0 && fraction < 1)) {
    throw UsageError(str("--validation-fraction must be in [0, 1), found ", fraction));
  }
}

void refuse_too_few_documents(std::int64_t documents) {
  throw UsageError(str("--validation-fraction needs at least two documents, found ", documents,
                       ": --split blank_line or --split line makes more of plain text"));
}

DocumentParts::DocumentParts(const DocumentPartsOptions& options, const Tokenizer& tokenizer)
    : options_(options),
      output_(options.output, parts_of(options)),
      train_(make_writer(kTrain, tokenizer)),
      validation_(options.validation_fraction > 0 ? make_writer(kValidation, tokenizer) : nullptr) {}

std::unique_ptr<ShardWriter> DocumentParts::make_writer(const char* part, const Tokenizer& tokenizer) const {
  ShardWriterOptions writer;
  writer.folder = output_.partial(part);
  writer.source = options_.source;
  writer.max_file_bytes = options_.max_file_bytes;
  writer.sentences = tokenizer.keeps_sentences();
  if (writer.source.empty()) {
    writer.source = std::filesystem::absolute(options_.output + "/.").lexically_normal().parent_path().filename();
  }
  return std::make_unique<ShardWriter>(writer, tokenizer);
}

ShardWriter& DocumentParts::open() {
  if (writer_ == nullptr) {
    const bool drawn = validation_ && is_drawn_for_validation(documents_, options_.validation_fraction);
    writer_ = drawn ? validation_.get() : train_.get();
  }
  return *writer_;
}

void DocumentParts::end_document() {
  if (!open().end_document()) ++empty_;
  ++documents_;
  writer_ = nullptr;
}

void DocumentParts::require_both_parts() {
  if (!validation_) return;
  if (kept() < 2) refuse_too_few_documents(kept());
  const bool both = (validation_->documents() > 0 || train_->move_last_document(*validation_)) &&
                    (train_->documents() > 0 || validation_->move_last_document(*train_));
  if (!both) throw UsageError("no document small enough was left for validation; choose another --split");
}

PreparedPart DocumentParts::finish(ShardWriter* writer, const char* part) const {
  if (writer == nullptr) return {};
  const Manifest& manifest = writer->finish();
  return {output_.final(part), manifest.documents, manifest.tokens, manifest.text_bytes};
}

DocumentParts::Result DocumentParts::finish() {
  require_both_parts();
  Result result;
  result.train = finish(train_.get(), kTrain);
  result.validation = finish(validation_.get(), kValidation);
  output_.commit();
  return result;
}

}  // namespace phalanx::data
