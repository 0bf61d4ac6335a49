// The pipeline's jobs, dealt to the train and validation writers.
#include "data/prepare.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "core/check.h"
#include "core/clock.h"
#include "core/random.h"
#include "data/encode_pipeline.h"
#include "data/output_folder.h"
#include "data/progress.h"
#include "data/shard_writer.h"
#include "data/text_files.h"

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

void require_options(const PrepareOptions& options) {
  if (!(options.validation_fraction >= 0 && options.validation_fraction < 1)) {
    throw UsageError(str("--validation-fraction must be in [0, 1), found ", options.validation_fraction));
  }
  if (options.workers < 0 || options.workers > 1024) {
    throw UsageError(str("--workers must be from 1 to 1024, found ", options.workers));
  }
}

[[noreturn]] void refuse_too_few_documents(std::int64_t documents) {
  throw UsageError(str("--validation-fraction needs at least two documents, found ", documents,
                       ": --split blank_line or --split line makes more of plain text"));
}

// One plain file that is one document is known to be too few before any work.
void require_two_documents(const PrepareOptions& options) {
  if (options.validation_fraction == 0) return;
  const std::vector<TextFile> files = list_text_files(options.text.inputs);
  const bool is_one = files.size() == 1 && files[0].format == TextFormat::plain;
  if (is_one && options.text.split == TextSplit::file) refuse_too_few_documents(1);
}

class Preparation {
 public:
  Preparation(const PrepareOptions& options, const Tokenizer& tokenizer);
  PrepareReport run();

 private:
  std::unique_ptr<ShardWriter> make_writer(const char* part) const;
  void add(const EncodedJob& job);
  void add_piece(const EncodedJob& job, std::size_t begin, std::size_t end, std::size_t& sentence);
  void require_both_parts();
  void show(const EncodedJob& job);
  [[nodiscard]] double seconds() const { return seconds_since(begin_); }
  PreparedPart finish(ShardWriter* writer, const char* part) const;

  const PrepareOptions& options_;
  const Tokenizer& tokenizer_;
  TextSource source_;
  OutputFolder output_;
  std::unique_ptr<ShardWriter> train_, validation_;  // validation_ may be null
  ShardWriter* writer_ = nullptr;                    // of the open document
  std::int64_t documents_ = 0;                       // begun
  std::int64_t text_bytes_ = 0;
  std::int64_t without_tokens_ = 0;  // documents that the tokenizer made nothing of
  std::optional<Progress> progress_;
  Clock::time_point begin_ = Clock::now();
};

std::vector<std::string> parts_of(const PrepareOptions& options) {
  if (options.validation_fraction > 0) return {kTrain, kValidation};
  return {kTrain};
}

Preparation::Preparation(const PrepareOptions& options, const Tokenizer& tokenizer)
    : options_(options),
      tokenizer_(tokenizer),
      source_(options.text),
      output_(options.output, parts_of(options)),
      train_(make_writer(kTrain)),
      validation_(options.validation_fraction > 0 ? make_writer(kValidation) : nullptr) {}

std::unique_ptr<ShardWriter> Preparation::make_writer(const char* part) const {
  ShardWriterOptions writer;
  writer.folder = output_.partial(part);
  writer.source = options_.source;
  writer.max_file_bytes = options_.max_file_bytes;
  writer.sentences = tokenizer_.keeps_sentences();
  if (writer.source.empty()) {
    writer.source = std::filesystem::absolute(options_.output + "/.").lexically_normal().parent_path().filename();
  }
  return std::make_unique<ShardWriter>(writer, tokenizer_);
}

// Adds ids [begin, end) of the job, sentence by sentence; `sentence` is the next one that begins at or after `begin`.
void Preparation::add_piece(const EncodedJob& job, std::size_t begin, std::size_t end, std::size_t& sentence) {
  const std::span<const TokenId> ids(job.ids);
  while (sentence < job.sentences.size() && job.sentences[sentence] < end) {
    const std::size_t at = job.sentences[sentence++];
    writer_->add_tokens(ids.subspan(begin, at - begin));
    writer_->begin_sentence();
    begin = at;
  }
  writer_->add_tokens(ids.subspan(begin, end - begin));
}

void Preparation::add(const EncodedJob& job) {
  std::size_t begin = 0, sentence = 0;
  for (const EncodedPiece& piece : job.pieces) {
    if (piece.begins_document) {
      const bool drawn = validation_ && is_drawn_for_validation(documents_, options_.validation_fraction);
      writer_ = drawn ? validation_.get() : train_.get();
      ++documents_;
    }
    add_piece(job, begin, piece.ids_end, sentence);
    writer_->add_text_bytes(piece.text_bytes);
    if (piece.ends_document && !writer_->end_document()) ++without_tokens_;
    text_bytes_ += piece.text_bytes;
    begin = piece.ids_end;
  }
}

void Preparation::require_both_parts() {
  const std::int64_t kept = train_->documents() + (validation_ ? validation_->documents() : 0);
  if (kept == 0) {
    throw UsageError(
        str("the input holds no text: ", source_.counts().empty_documents + without_tokens_, " empty documents"));
  }
  if (!validation_) return;
  if (kept < 2) refuse_too_few_documents(kept);
  const bool both = (validation_->documents() > 0 || train_->move_last_document(*validation_)) &&
                    (train_->documents() > 0 || validation_->move_last_document(*train_));
  if (!both) throw UsageError("no document small enough was left for validation; choose another --split");
}

void Preparation::show(const EncodedJob& job) {
  if (!progress_->due()) return;
  const std::int64_t all = source_.file_bytes();
  const double megabytes = static_cast<double>(text_bytes_) * 1e-6;
  const std::int64_t percent = all > 0 ? 100 * job.file_bytes_read / all : 0;
  progress_->show(str("prepare: ", all > 0 ? str(percent, " % read, ") : "", static_cast<std::int64_t>(megabytes),
                      " MB of text, ", documents_, " documents, ",
                      static_cast<std::int64_t>(megabytes / seconds() * 10) / 10.0, " MB/s"));
}

PreparedPart Preparation::finish(ShardWriter* writer, const char* part) const {
  if (writer == nullptr) return {};
  const Manifest& manifest = writer->finish();
  return {output_.final(part), manifest.documents, manifest.tokens, manifest.text_bytes};
}

PrepareReport Preparation::run() {
  int workers = options_.workers;
  if (workers == 0) workers = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 1024U));
  progress_.emplace();
  {
    EncodePipeline pipeline(source_, tokenizer_, workers);
    while (const EncodedJob* job = pipeline.next()) {
      add(*job);
      show(*job);
    }
  }
  progress_.reset();
  require_both_parts();
  PrepareReport report;
  report.train = finish(train_.get(), kTrain);
  report.validation = finish(validation_.get(), kValidation);
  report.empty_documents = source_.counts().empty_documents + without_tokens_;
  report.invalid_utf8 = source_.counts().invalid_utf8;
  output_.commit();
  report.seconds = seconds();
  return report;
}

}  // namespace

PrepareReport prepare(const PrepareOptions& options, const Tokenizer& tokenizer) {
  require_options(options);
  require_two_documents(options);
  return Preparation(options, tokenizer).run();
}

}  // namespace phalanx::data
