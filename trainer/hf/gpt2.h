// GPT-2 (GPT2LMHeadModel) in Hugging Face's names.
#pragma once

#include "trainer/hf/family.h"

namespace phalanx::hf {

const Family& gpt2_family();

}  // namespace phalanx::hf
