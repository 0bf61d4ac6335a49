// A folder that holds a tokenizer and nothing else, as `phalanx tokenizer train` makes it.
#pragma once

#include <string>

#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

// Throws UsageError, naming what is in the way, unless `folder` is missing, empty or holds only files of a tokenizer.
void check_tokenizer_folder(const std::string& folder);

// Writes a tokenizer into `folder`, which is made, with its parents, if it is missing. A tokenizer that was there is
// replaced, files of other forms included, after all new files have been written. Checks the folder as above.
void save_tokenizer_folder(const Tokenizer& tokenizer, const std::string& folder);

}  // namespace phalanx::data
