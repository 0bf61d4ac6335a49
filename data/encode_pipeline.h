// EncodePipeline: text -> tokens by several threads, delivered in the order of the text, in bounded memory.
//
// One thread reads jobs of about 64 KiB of text, `workers` threads encode them, and the caller takes them in order, so
// the result does not depend on the number of workers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/text_source.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

struct EncodedPiece {
  std::size_t ids_end = 0;  // its ids are those from the end of the piece before, in EncodedJob::ids
  std::int64_t text_bytes = 0;
  bool begins_document = true;
  bool ends_document = true;
};

struct EncodedJob {
  std::vector<TokenId> ids;
  std::vector<EncodedPiece> pieces;
  std::vector<std::size_t> sentences;  // places in `ids` where sentences begin, if the tokenizer keeps them
  std::int64_t file_bytes_read = 0;    // of the source when the job was made
};

class EncodePipeline {
 public:
  // Source and tokenizer must live as long; the source belongs to the pipeline until next() has returned null.
  EncodePipeline(TextSource& source, const Tokenizer& tokenizer, int workers);
  ~EncodePipeline();
  EncodePipeline(const EncodePipeline&) = delete;
  EncodePipeline& operator=(const EncodePipeline&) = delete;

  // The next job, valid until the next call; null at the end. Throws what reader or workers threw.
  const EncodedJob* next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace phalanx::data
