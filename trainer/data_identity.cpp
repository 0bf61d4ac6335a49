#include "trainer/data_identity.h"

#include "core/check.h"
#include "core/sha256.h"
#include "data/dataset_info.h"
#include "data/shard_format.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx {

DataIdentity identify_data(const config::Config& config) {
  DataIdentity identity;
  std::string all;
  for (const config::Source& source : config.data.train) {
    const data::DatasetInfo info = data::read_dataset_info(source.path);
    identity.tokenizer_digest = info.tokenizer_digest;
    all += str(info.data_digest, " ", source.weight, "\n");
  }
  identity.data_digest = sha256_hex(all);
  return identity;
}

std::string tokenizer_folder(const config::Config& config) {
  return config.data.train.front().path + "/" + data::kTokenizerFolder;
}

void require_tokenizer(const config::Config& config, const DataIdentity& identity) {
  if (data::load_tokenizer(tokenizer_folder(config))->digest() == identity.tokenizer_digest) return;
  throw Error(
      str(tokenizer_folder(config), ": is not the tokenizer that ", config.data.train.front().path, " was made with"));
}

}  // namespace phalanx
