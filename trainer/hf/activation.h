// Names of activations.
#pragma once

#include <string>

namespace phalanx::hf {

// "gelu" -> "gelu_erf", "gelu_new" and "gelu_pytorch_tanh" -> "gelu_tanh". Throws UsageError naming `key` for others.
std::string activation_of(const char* key, const std::string& name);

}  // namespace phalanx::hf
