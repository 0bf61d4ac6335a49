// A full pass over a folder of shards.
#include "data/inspect.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <span>

#include "core/check.h"
#include "data/progress.h"
#include "data/shard_format.h"
#include "data/shard_reader.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {
namespace {

constexpr std::int64_t kBlock = std::int64_t{1} << 18;  // tokens or documents at a time

// Reads all tokens, which checks them, and compares how often each occurs with the manifest.
void verify_tokens(const ShardReader& reader) {
  const Manifest& manifest = reader.manifest();
  std::vector<std::int64_t> counts(static_cast<std::size_t>(manifest.vocabulary));
  std::vector<std::int32_t> ids;
  Progress progress;
  std::int64_t done = 0;
  for (const auto& shard : reader.shards()) {
    for (std::int64_t first = 0; first < shard->tokens(); first += kBlock) {
      ids.resize(static_cast<std::size_t>(std::min(kBlock, shard->tokens() - first)));
      shard->read_tokens(first, std::span(ids));
      for (const std::int32_t id : ids) ++counts[static_cast<std::size_t>(id)];
      done += static_cast<std::int64_t>(ids.size());
      if (progress.due()) progress.show(str("inspect: ", 100 * done / manifest.tokens, " % of the tokens"));
    }
  }
  if (!manifest.token_counts.empty() && counts != manifest.token_counts) {
    throw Error(str(reader.folder(), ": manifest.json counts other tokens than the shards hold"));
  }
}

// How many documents have each length. Few lengths differ: k of them need k * k / 2 tokens.
std::map<std::int64_t, std::int64_t> count_lengths(const ShardReader& reader) {
  std::map<std::int64_t, std::int64_t> lengths;
  for (const auto& shard : reader.shards()) {
    for (std::int64_t first = 0; first < shard->documents(); first += kBlock) {
      const auto bounds = shard->document_bounds(first, std::min(kBlock, shard->documents() - first));
      for (std::size_t i = 1; i < bounds.size(); ++i) ++lengths[bounds[i] - bounds[i - 1]];
    }
  }
  return lengths;
}

LengthSummary summarize(const std::map<std::int64_t, std::int64_t>& lengths) {
  std::int64_t documents = 0;
  double tokens = 0;
  for (const auto& [length, count] : lengths) {
    documents += count;
    tokens += static_cast<double>(length) * static_cast<double>(count);
  }
  // The smallest length that this share of the documents does not exceed.
  const auto quantile = [&](double share) {
    std::int64_t left = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(documents)));
    for (const auto& [length, count] : lengths) {
      left -= count;
      if (left <= 0) return length;
    }
    return lengths.rbegin()->first;
  };
  return {lengths.begin()->first,
          quantile(0.1),
          quantile(0.5),
          quantile(0.9),
          quantile(0.99),
          lengths.rbegin()->first,
          tokens / static_cast<double>(documents)};
}

InspectedSample decode_document(const ShardReader& reader, const Tokenizer& tokenizer, std::int64_t document,
                                std::int64_t tokens_shown) {
  std::int64_t in_shard = document;
  std::size_t s = 0;
  for (; in_shard >= reader.shards()[s]->documents(); ++s) in_shard -= reader.shards()[s]->documents();
  const auto bounds = reader.shards()[s]->document_bounds(in_shard, 1);
  const std::int64_t tokens = bounds[1] - bounds[0];
  std::vector<std::int32_t> ids(static_cast<std::size_t>(std::min(tokens, tokens_shown)));
  reader.shards()[s]->read_tokens(bounds[0], std::span(ids));
  return {document, tokens, tokenizer.decode(ids)};
}

}  // namespace

Inspection inspect(const std::string& folder, std::int64_t show, std::int64_t tokens_shown) {
  const ShardReader reader(folder);
  const auto tokenizer = load_tokenizer((std::filesystem::path(folder) / kTokenizerFolder).string());
  if (tokenizer->digest() != reader.manifest().tokenizer_digest) {
    throw Error(str(folder, "/", kTokenizerFolder, ": is not the tokenizer that made the tokens: digest ",
                    tokenizer->digest(), ", manifest.json says ", reader.manifest().tokenizer_digest));
  }
  verify_tokens(reader);
  Inspection result;
  result.manifest = reader.manifest();
  result.data_digest = data_digest(result.manifest);
  std::int64_t documents = 0;  // a document cut over shards counts in each
  for (const auto& shard : reader.shards()) documents += shard->documents();
  for (const ShardEntry& shard : result.manifest.shards) result.file_bytes += shard.bytes;
  result.lengths = summarize(count_lengths(reader));
  const std::int64_t samples = std::min(show, documents);
  for (std::int64_t i = 0; i < samples; ++i) {
    const std::int64_t document = i * (documents / samples) + std::min(i, documents % samples);
    result.samples.push_back(decode_document(reader, *tokenizer, document, tokens_shown));
  }
  return result;
}

}  // namespace phalanx::data
