// What BERT and RoBERTa have in common in Hugging Face's names: layers, and most keys of config.json.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "trainer/config/config.h"
#include "trainer/hf/name_table.h"

namespace phalanx::hf {

std::span<const Name> bert_layer_names();

// Sizes, dropout and switches; activation, tokens and positions are left to the family.
nlohmann::ordered_json bert_sizes(const config::Model& model);
// The inverse; the objective is masked_lm. Throws UsageError naming the key.
config::Config read_bert_sizes(const nlohmann::json& config);

// Old files call a norm's weight gamma and its bias beta.
std::string with_weight_and_bias(const std::string& name);

}  // namespace phalanx::hf
