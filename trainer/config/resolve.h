// What becomes of a Config after loading: sizes filled in, written out, compared.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/config.h"

namespace phalanx::config {

// Fills the sizes that follow from others: model.ffn, parallel.data, and for run.reproducible: layout the virtual
// shards, which must not depend on world_size: the largest divisors up to 8 of heads and MLP, and of the global batch.
// model.vocabulary is left to who knows the tokenizer.
Config resolve_sizes(Config config, int world_size);

// Every key as YAML, in the order of the field list. Equal configs give equal text; loading it gives an equal config.
std::string to_yaml(const Config& config);

// One key whose value differs; values as to_yaml prints them.
struct Difference {
  std::string key, old_value, new_value;
};
std::vector<Difference> diff(const Config& old_config, const Config& new_config);

}  // namespace phalanx::config
