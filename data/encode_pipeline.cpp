// Reader -> workers -> caller over one ring of slots: slot n % ring belongs to job n, through the stages in order.
#include "data/encode_pipeline.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "core/check.h"
#include "data/sentences.h"

namespace phalanx::data {
namespace {

constexpr std::size_t kJobBytes = std::size_t{64} << 10;  // text of a job, unless one piece is longer
// Text of all jobs, about. A tokenizer may need 40 times a text's size to encode it if it is one long word.
constexpr std::int64_t kTextInFlight = std::int64_t{6} << 20;
constexpr std::size_t kKeptCapacity = std::size_t{1} << 20;  // bytes a slot keeps for its next job

struct Job {
  std::vector<std::string> texts;
  EncodedJob encoded;
  std::int64_t text_bytes = 0;
  bool is_encoded = false;
};

}  // namespace

struct EncodePipeline::State {
  State(TextSource& text_source, const Tokenizer& job_tokenizer, int workers);
  ~State();
  void read_jobs();
  void encode_jobs();
  bool fill(Job& job);
  void encode(Job& job, SentenceCutter& cutter) const;
  void fail();
  const EncodedJob* next();
  Job& slot(std::int64_t job) { return ring[static_cast<std::size_t>(job) % ring.size()]; }

  TextSource& source;
  const Tokenizer& tokenizer;
  std::vector<Job> ring;

  std::mutex mutex;  // guards what follows, and is_encoded
  std::condition_variable changed;
  std::int64_t read = 0;       // jobs that the reader has filled
  std::int64_t claimed = 0;    // of these, taken by workers
  std::int64_t given = 0;      // jobs given to the caller; the last one is in use
  std::int64_t in_flight = 0;  // bytes of text in jobs that are read and not released
  bool at_end = false;         // no more jobs come
  bool stop = false;
  std::exception_ptr failure;

  std::vector<std::thread> threads;
};

EncodePipeline::State::State(TextSource& text_source, const Tokenizer& job_tokenizer, int workers)
    : source(text_source), tokenizer(job_tokenizer), ring(static_cast<std::size_t>(workers) * 2 + 2) {
  threads.emplace_back([this] { read_jobs(); });
  for (int i = 0; i < workers; ++i) threads.emplace_back([this] { encode_jobs(); });
}

EncodePipeline::State::~State() {
  {
    const std::lock_guard lock(mutex);
    stop = true;
  }
  changed.notify_all();
  for (std::thread& thread : threads) thread.join();
}

// Keeps the first failure and ends all threads.
void EncodePipeline::State::fail() {
  const std::lock_guard lock(mutex);
  if (!failure) failure = std::current_exception();
  stop = true;
  changed.notify_all();
}

// Reads text into a free job; false when there is none left.
bool EncodePipeline::State::fill(Job& job) {
  job.texts.clear();
  job.encoded.pieces.clear();
  job.text_bytes = 0;
  TextPiece piece;
  while (job.text_bytes < static_cast<std::int64_t>(kJobBytes) && source.next(piece)) {
    const auto bytes = static_cast<std::int64_t>(piece.text.size());
    job.encoded.pieces.push_back({0, bytes, piece.begins_document, piece.ends_document});
    job.texts.push_back(std::move(piece.text));
    job.text_bytes += bytes;
  }
  job.encoded.file_bytes_read = source.file_bytes_read();
  job.is_encoded = false;
  return !job.texts.empty();
}

void EncodePipeline::State::read_jobs() {
  try {
    while (true) {
      {
        std::unique_lock lock(mutex);
        const auto slots = static_cast<std::int64_t>(ring.size());
        changed.wait(lock, [&] {
          const std::int64_t released = std::max<std::int64_t>(given - 1, 0);
          return stop || read == released || (read - released < slots && in_flight < kTextInFlight);
        });
        if (stop) return;
      }
      Job& job = slot(read);
      const bool more = fill(job);
      const std::lock_guard lock(mutex);
      at_end = !more;
      read += more ? 1 : 0;
      in_flight += job.text_bytes;
      changed.notify_all();
      if (!more) return;
    }
  } catch (...) {
    fail();
  }
}

void EncodePipeline::State::encode(Job& job, SentenceCutter& cutter) const {
  std::vector<TokenId>& ids = job.encoded.ids;
  if (ids.capacity() * sizeof(TokenId) > kKeptCapacity) ids = {};
  ids.clear();
  job.encoded.sentences.clear();
  for (std::size_t i = 0; i < job.texts.size(); ++i) {
    if (tokenizer.keeps_sentences())
      encode_sentences(tokenizer, job.texts[i], cutter, ids, job.encoded.sentences);
    else
      tokenizer.encode(job.texts[i], ids);
    job.encoded.pieces[i].ids_end = ids.size();
  }
  job.texts.clear();
}

void EncodePipeline::State::encode_jobs() {
  try {
    SentenceCutter cutter;
    while (true) {
      Job* job = nullptr;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stop || at_end || claimed < read; });
        if (stop || claimed == read) return;
        job = &slot(claimed++);
      }
      encode(*job, cutter);
      const std::lock_guard lock(mutex);
      job->is_encoded = true;
      changed.notify_all();
    }
  } catch (...) {
    fail();
  }
}

const EncodedJob* EncodePipeline::State::next() {
  std::unique_lock lock(mutex);
  if (given > 0 && given <= read) in_flight -= slot(given - 1).text_bytes;
  ++given;
  changed.notify_all();
  changed.wait(lock,
               [&] { return failure || (given <= read && slot(given - 1).is_encoded) || (at_end && given > read); });
  if (failure) std::rethrow_exception(failure);
  return given <= read ? &slot(given - 1).encoded : nullptr;
}

EncodePipeline::EncodePipeline(TextSource& source, const Tokenizer& tokenizer, int workers) {
  ENSURE(workers >= 1, workers, " workers");
  state_ = std::make_unique<State>(source, tokenizer, workers);
}

EncodePipeline::~EncodePipeline() = default;

const EncodedJob* EncodePipeline::next() { return state_->next(); }

}  // namespace phalanx::data
