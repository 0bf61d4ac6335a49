// The vocabulary of a model that is trained on given data.
#pragma once

#include "trainer/config/config.h"

namespace phalanx {

// model.vocabulary, where it is auto, from the training data. Throws UsageError when the data holds ids beyond it, or
// when sources have different tokenizers.
config::Config with_vocabulary_of_data(config::Config config);

}  // namespace phalanx
