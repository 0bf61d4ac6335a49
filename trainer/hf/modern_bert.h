// The modern encoder (ModernBertForMaskedLM) in Hugging Face's names.
#pragma once

#include "trainer/hf/family.h"

namespace phalanx::hf {

const Family& modern_bert_family();

}  // namespace phalanx::hf
