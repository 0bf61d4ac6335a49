#include "trainer/hf/activation.h"

#include "core/check.h"
#include "trainer/hf/json_files.h"

namespace phalanx::hf {

std::string activation_of(const char* key, const std::string& name) {
  if (name == "gelu") return "gelu_erf";
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return "gelu_tanh";
  throw UsageError(str(key, ": ", shown(name), " is not supported; gelu_new, gelu_pytorch_tanh and gelu are"));
}

}  // namespace phalanx::hf
