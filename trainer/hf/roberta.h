// RoBERTa (RobertaForMaskedLM) in Hugging Face's names.
#pragma once

#include "trainer/hf/family.h"

namespace phalanx::hf {

const Family& roberta_family();

}  // namespace phalanx::hf
