#include "data/dataset_info.h"

#include "core/check.h"
#include "data/manifest.h"

namespace phalanx::data {

DatasetInfo read_dataset_info(const std::string& path) {
  const Manifest manifest = read_manifest(path);
  DatasetInfo info;
  info.vocabulary = manifest.vocabulary;
  info.tokenizer_digest = manifest.tokenizer_digest;
  info.data_digest = data_digest(manifest);
  info.unigram_counts = manifest.token_counts;
  return info;
}

void require_same_tokenizer(const TokenSource& source, const TokenSource& reference) {
  if (source.tokenizer_digest == reference.tokenizer_digest) return;
  throw UsageError(str(source.name, ": its tokens are of another tokenizer (", source.tokenizer_digest.substr(0, 12),
                       "...) than those of ", reference.name, " (", reference.tokenizer_digest.substr(0, 12), "...)"));
}

}  // namespace phalanx::data
