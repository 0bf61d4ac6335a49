// Import: a folder of Hugging Face's libraries as a checkpoint of weights, which `train --init` and `generate` take.
#pragma once

#include <cstdint>
#include <string>

namespace phalanx::hf {

struct ImportReport {
  std::string checkpoint;  // step_00000000 in the output
  std::int64_t parameters = 0;
  bool tokenizer = false;  // the folder had one, and the checkpoint has a copy
};

// Reads `input`, writes the checkpoint of step 0 into the folder `output`, which must not be there. When anything fails
// nothing is left. Throws UsageError and Error as ModelFolder does. Memory: the weights in fp32.
ImportReport import_model(const std::string& input, const std::string& output);

}  // namespace phalanx::hf
