// What identifies the training data of a run, and the tokenizer that goes with it.
#pragma once

#include <string>

#include "trainer/config/config.h"

namespace phalanx {

struct DataIdentity {
  std::string tokenizer_digest;
  std::string data_digest;  // of the content of all sources; their weights belong to it, they decide the order
};

// Reads the manifests of data.train. Throws Error naming a folder that is no prepared data.
DataIdentity identify_data(const config::Config& config);

// The folder that every checkpoint gets a copy of.
std::string tokenizer_folder(const config::Config& config);

// Throws Error unless the tokenizer there is the one of `identity`: at the start, not at the first checkpoint.
void require_tokenizer(const config::Config& config, const DataIdentity& identity);

}  // namespace phalanx
