// inspect: checks a folder of shards completely and says what is in it. What `phalanx data inspect` does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/manifest.h"

namespace phalanx::data {

// Tokens per document, end-of-text included.
struct LengthSummary {
  std::int64_t shortest = 0, p10 = 0, median = 0, p90 = 0, p99 = 0, longest = 0;
  double mean = 0;
};

struct InspectedSample {
  std::int64_t document = 0;  // ordinal in the folder
  std::int64_t tokens = 0;    // of the whole document
  std::string text;           // its first tokens, decoded
};

struct Inspection {
  Manifest manifest;
  std::string data_digest;
  std::int64_t file_bytes = 0;  // of all shards
  LengthSummary lengths;
  std::vector<InspectedSample> samples;
};

// Verifies the manifest, every byte of every shard against its checksums, that token counts are as stored, and that the
// tokenizer's copy is the one that made the tokens. `show`: documents to decode, spread evenly over the folder, up to
// `tokens_shown` tokens of each. Throws Error naming file and reason.
Inspection inspect(const std::string& folder, std::int64_t show, std::int64_t tokens_shown = 64);

}  // namespace phalanx::data
