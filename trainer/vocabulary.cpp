#include "trainer/vocabulary.h"

#include "core/check.h"
#include "data/dataset_info.h"

namespace phalanx {

config::Config with_vocabulary_of_data(config::Config config) {
  data::TokenSource first;
  for (const config::Source& source : config.data.train) {
    const data::DatasetInfo info = data::read_dataset_info(source.path);
    const data::TokenSource tokens{"data.train: " + source.path, info.tokenizer_digest};
    if (first.name.empty()) first = {source.path, info.tokenizer_digest};
    data::require_same_tokenizer(tokens, first);
    const std::int64_t needed = info.vocabulary;
    if (config.model.vocabulary.is_auto()) config.model.vocabulary.value = needed;
    if (config.model.vocabulary.value < needed) {
      throw UsageError(str("model.vocabulary (", config.model.vocabulary.value, ") is smaller than that of ",
                           source.path, " (", needed, "); set it to auto or at least ", needed));
    }
  }
  return config;
}

}  // namespace phalanx
