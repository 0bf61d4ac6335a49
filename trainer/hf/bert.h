// BERT (BertForPreTraining, BertForMaskedLM) in Hugging Face's names.
#pragma once

#include "trainer/hf/family.h"

namespace phalanx::hf {

const Family& bert_family();

}  // namespace phalanx::hf
