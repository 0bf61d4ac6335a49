// The pipeline's jobs, document by document, into the parts of the output.
#include "data/prepare.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "core/check.h"
#include "core/clock.h"
#include "data/encode_pipeline.h"
#include "data/progress.h"
#include "data/text_files.h"

namespace phalanx::data {
namespace {

void require_options(const PrepareOptions& options) {
  require_validation_fraction(options.validation_fraction);
  if (options.workers < 0 || options.workers > 1024) {
    throw UsageError(str("--workers must be from 1 to 1024, found ", options.workers));
  }
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
  void add(const EncodedJob& job);
  void add_piece(const EncodedJob& job, std::size_t begin, std::size_t end, std::size_t& sentence);
  void require_text() const;
  void show(const EncodedJob& job);
  [[nodiscard]] double seconds() const { return seconds_since(begin_); }

  const PrepareOptions& options_;
  const Tokenizer& tokenizer_;
  TextSource source_;
  DocumentParts parts_;
  std::int64_t text_bytes_ = 0;
  std::optional<Progress> progress_;
  Clock::time_point begin_ = Clock::now();
};

Preparation::Preparation(const PrepareOptions& options, const Tokenizer& tokenizer)
    : options_(options),
      tokenizer_(tokenizer),
      source_(options.text),
      parts_({options.output, options.source, options.validation_fraction, options.max_file_bytes}, tokenizer) {}

// Adds ids [begin, end) of the job, sentence by sentence; `sentence` is the next one that begins at or after `begin`.
void Preparation::add_piece(const EncodedJob& job, std::size_t begin, std::size_t end, std::size_t& sentence) {
  const std::span<const TokenId> ids(job.ids);
  while (sentence < job.sentences.size() && job.sentences[sentence] < end) {
    const std::size_t at = job.sentences[sentence++];
    parts_.add_tokens(ids.subspan(begin, at - begin));
    parts_.begin_sentence();
    begin = at;
  }
  parts_.add_tokens(ids.subspan(begin, end - begin));
}

void Preparation::add(const EncodedJob& job) {
  std::size_t begin = 0, sentence = 0;
  for (const EncodedPiece& piece : job.pieces) {
    add_piece(job, begin, piece.ids_end, sentence);
    parts_.add_text_bytes(piece.text_bytes);
    if (piece.ends_document) parts_.end_document();
    text_bytes_ += piece.text_bytes;
    begin = piece.ids_end;
  }
}

void Preparation::require_text() const {
  if (parts_.kept() > 0) return;
  throw UsageError(str("the input holds no text: ", source_.counts().empty_documents + parts_.empty_documents(),
                       " empty documents"));
}

void Preparation::show(const EncodedJob& job) {
  if (!progress_->due()) return;
  const std::int64_t all = source_.file_bytes();
  const double megabytes = static_cast<double>(text_bytes_) * 1e-6;
  const std::int64_t percent = all > 0 ? 100 * job.file_bytes_read / all : 0;
  progress_->show(str("prepare: ", all > 0 ? str(percent, " % read, ") : "", static_cast<std::int64_t>(megabytes),
                      " MB of text, ", parts_.documents(), " documents, ",
                      static_cast<std::int64_t>(megabytes / seconds() * 10) / 10.0, " MB/s"));
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
  require_text();
  const DocumentParts::Result written = parts_.finish();
  PrepareReport report;
  report.train = written.train;
  report.validation = written.validation;
  report.empty_documents = source_.counts().empty_documents + parts_.empty_documents();
  report.invalid_utf8 = source_.counts().invalid_utf8;
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
