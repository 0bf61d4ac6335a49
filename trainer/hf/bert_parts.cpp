#include "trainer/hf/bert_parts.h"

#include <array>
#include <nlohmann/json.hpp>

#include "trainer/config/norm_epsilon.h"
#include "trainer/hf/config_reader.h"

namespace phalanx::hf {
namespace {

// Queries, keys and values are three layers there.
constexpr std::array<Name, 16> kLayer{{{"attention.qkv.weight", "attention.self.query.weight", query_part},
                                       {"attention.qkv.weight", "attention.self.key.weight", key_part},
                                       {"attention.qkv.weight", "attention.self.value.weight", value_part},
                                       {"attention.qkv.bias", "attention.self.query.bias", query_part},
                                       {"attention.qkv.bias", "attention.self.key.bias", key_part},
                                       {"attention.qkv.bias", "attention.self.value.bias", value_part},
                                       {"attention.out.weight", "attention.output.dense.weight", keep},
                                       {"attention.out.bias", "attention.output.dense.bias", keep},
                                       {"norm1.gamma", "attention.output.LayerNorm.weight", keep},
                                       {"norm1.beta", "attention.output.LayerNorm.bias", keep},
                                       {"mlp.up.weight", "intermediate.dense.weight", keep},
                                       {"mlp.up.bias", "intermediate.dense.bias", keep},
                                       {"mlp.down.weight", "output.dense.weight", keep},
                                       {"mlp.down.bias", "output.dense.bias", keep},
                                       {"norm2.gamma", "output.LayerNorm.weight", keep},
                                       {"norm2.beta", "output.LayerNorm.bias", keep}}};

}  // namespace

std::span<const Name> bert_layer_names() { return kLayer; }

nlohmann::ordered_json bert_sizes(const config::Model& model) {
  return {{"vocab_size", model.vocabulary.value},
          {"hidden_size", model.hidden},
          {"num_hidden_layers", model.layers},
          {"num_attention_heads", model.heads},
          {"intermediate_size", model.ffn.value},
          {"hidden_dropout_prob", model.dropout},
          {"attention_probs_dropout_prob", model.attention_dropout},
          {"initializer_range", model.init_std},
          {"layer_norm_eps", config::norm_epsilon(model)},
          {"position_embedding_type", "absolute"},
          {"is_decoder", false},
          {"add_cross_attention", false},
          {"tie_word_embeddings", true}};
}

config::Config read_bert_sizes(const nlohmann::json& json) {
  const ConfigReader config(json);
  config.require_value("is_decoder", false);
  config.require_value("add_cross_attention", false);
  config.require_value("tie_word_embeddings", true);
  config.require_text("position_embedding_type", "absolute");
  config::Config read;
  config::Model& model = read.model;
  model.family = "bert";
  model.vocabulary.value = config.size("vocab_size");
  model.hidden = config.size("hidden_size");
  model.layers = config.size("num_hidden_layers");
  model.heads = config.size("num_attention_heads");
  model.ffn.value = config.size("intermediate_size");
  model.dropout = config.number("hidden_dropout_prob", 0.1);
  model.attention_dropout = config.number("attention_probs_dropout_prob", 0.1);
  model.init_std = config.number("initializer_range", 0.02);
  config::set_norm_epsilon(model, config.positive("layer_norm_eps", 1e-12));
  read.objective.type = "masked_lm";
  return read;
}

std::string with_weight_and_bias(const std::string& name) {
  for (const auto& [old, now] : {std::pair{".gamma", ".weight"}, {".beta", ".bias"}}) {
    const std::string suffix = old;
    if (name.ends_with("LayerNorm" + suffix)) return name.substr(0, name.size() - suffix.size()) + now;
  }
  return name;
}

}  // namespace phalanx::hf
