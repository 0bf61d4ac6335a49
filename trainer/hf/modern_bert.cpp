#include "trainer/hf/modern_bert.h"

#include <array>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "model/network.h"
#include "trainer/config/norm_epsilon.h"
#include "trainer/hf/activation.h"
#include "trainer/hf/config_reader.h"
#include "trainer/hf/json_files.h"
#include "trainer/hf/name_table.h"

namespace phalanx::hf {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kGlobal = "full_attention";
constexpr const char* kLocal = "sliding_attention";

constexpr std::array<Name, 6> kLayer{{{"norm1.gamma", "attn_norm.weight", keep},
                                      {"attention.qkv.weight", "attn.Wqkv.weight", as_matrix},
                                      {"attention.out.weight", "attn.Wo.weight", keep},
                                      {"norm2.gamma", "mlp_norm.weight", keep},
                                      {"mlp.up.weight", "mlp.Wi.weight", as_matrix},
                                      {"mlp.down.weight", "mlp.Wo.weight", keep}}};
constexpr std::array<Name, 6> kOutside{{{"embedding.token", "model.embeddings.tok_embeddings.weight", keep},
                                        {"embedding_norm.gamma", "model.embeddings.norm.weight", keep},
                                        {"final_norm.gamma", "model.final_norm.weight", keep},
                                        {"mlm.transform.weight", "head.dense.weight", keep},
                                        {"mlm.norm.gamma", "head.norm.weight", keep},
                                        {"mlm.bias", "decoder.bias", keep}}};
constexpr NameTable kNames{.model = "ModernBERT", .outside = kOutside, .layers = "model.layers.", .in_layer = kLayer};

// What the program builds, none of which a configuration changes.
const NetworkOptions& fixed() {
  static const NetworkOptions options;
  return options;
}

const char* layer_type(std::int64_t layer) { return layer % fixed().global_every == 0 ? kGlobal : kLocal; }

class ModernBert final : public Family {
 public:
  [[nodiscard]] std::string model_type() const override { return "modernbert"; }
  [[nodiscard]] std::vector<std::string> architectures() const override { return {"ModernBertForMaskedLM"}; }
  [[nodiscard]] std::string base_prefix() const override { return "model."; }
  [[nodiscard]] bool is(const config::Config& config) const override { return config.model.family == "modern_encoder"; }
  [[nodiscard]] std::string architecture_of(const config::Config& /*config*/) const override {
    return "ModernBertForMaskedLM";
  }

  [[nodiscard]] std::vector<Place> places(const ParamTable& table, const SpecialIds& /*ids*/) const override {
    return places_by_name(kNames, table);
  }
  [[nodiscard]] bool is_unused(const std::string& name) const override { return name.ends_with("inv_freq"); }
  [[nodiscard]] std::vector<Alias> aliases() const override {
    return {{"decoder.weight", "embeddings.tok_embeddings.weight"}};
  }

  [[nodiscard]] Json config_of(const config::Config& config, const SpecialIds& ids) const override;
  [[nodiscard]] config::Config read_config(const nlohmann::json& config, const Stored& stored) const override;
  [[nodiscard]] SpecialIds read_ids(const nlohmann::json& /*config*/) const override { return {}; }
};

Json rope(double theta) { return {{"rope_type", "default"}, {"rope_theta", theta}}; }

// transformers 5 reads layer_types and rope_parameters, version 4 the three keys that say the same in its words.
Json ModernBert::config_of(const config::Config& config, const SpecialIds& ids) const {
  const config::Model& model = config.model;
  Json types = Json::array();
  for (std::int64_t layer = 0; layer < model.layers; ++layer) types.push_back(layer_type(layer));
  const auto id = [](const std::optional<std::int64_t>& value) { return value ? Json(*value) : Json(nullptr); };
  return {{"vocab_size", model.vocabulary.value},
          {"hidden_size", model.hidden},
          {"num_hidden_layers", model.layers},
          {"num_attention_heads", model.heads},
          {"intermediate_size", model.ffn.value},
          {"max_position_embeddings", model.context},
          {"hidden_activation", model.activation == "gelu_erf" ? "gelu" : "gelu_pytorch_tanh"},
          {"classifier_activation", "gelu"},
          {"initializer_range", model.init_std},
          {"norm_eps", config::norm_epsilon(model)},
          {"norm_bias", false},
          {"attention_bias", false},
          {"mlp_bias", false},
          {"classifier_bias", false},
          {"decoder_bias", true},
          {"embedding_dropout", model.dropout},
          {"mlp_dropout", model.dropout},
          {"attention_dropout", model.attention_dropout},
          {"local_attention", fixed().local_attention},
          {"layer_types", std::move(types)},
          {"rope_parameters", {{kGlobal, rope(fixed().rope_theta)}, {kLocal, rope(fixed().local_rope_theta)}}},
          {"global_attn_every_n_layers", fixed().global_every},
          {"global_rope_theta", fixed().rope_theta},
          {"local_rope_theta", fixed().local_rope_theta},
          {"tie_word_embeddings", true},
          {"pad_token_id", id(ids.pad)},
          {"bos_token_id", id(ids.cls)},
          {"eos_token_id", id(ids.sep)},
          {"cls_token_id", id(ids.cls)},
          {"sep_token_id", id(ids.sep)}};
}

void check_layer_types(const nlohmann::json& json, std::int64_t layers) {
  const auto found = json.find("layer_types");
  if (found == json.end() || found->is_null()) return;
  const bool fits = found->is_array() && static_cast<std::int64_t>(found->size()) == layers;
  if (!fits) throw UsageError(str("layer_types must be a list of ", layers, " names"));
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    if ((*found)[static_cast<std::size_t>(layer)] == layer_type(layer)) continue;
    throw UsageError(str("layer_types: layer ", layer, " must be ", layer_type(layer), "; this program's layers 0, 3, ",
                         "6 ... see all, the others a window"));
  }
}

void check_rope(const nlohmann::json& json, const char* type, double theta) {
  const auto found = json.find("rope_parameters");
  if (found == json.end() || found->is_null()) return;
  if (!found->is_object()) throw UsageError("rope_parameters must be an object");
  const auto own = found->find(type);
  if (own == found->end() || own->is_null()) return;
  if (!own->is_object()) throw UsageError(str("rope_parameters.", type, " must be an object"));
  try {
    const ConfigReader rope(*own);
    rope.require_text("rope_type", "default");
    rope.require_number("rope_theta", theta);
  } catch (const UsageError& error) {
    throw UsageError(str("rope_parameters.", type, ": ", error.what()));
  }
}

void check_fixed(const nlohmann::json& json) {
  const ConfigReader config(json);
  for (const char* key : {"norm_bias", "attention_bias", "mlp_bias", "classifier_bias"}) {
    config.require_value(key, false);
  }
  config.require_value("decoder_bias", true);
  config.require_value("tie_word_embeddings", true);
  config.require_text("classifier_activation", "gelu");
  config.require_number("local_attention", static_cast<double>(fixed().local_attention));
  config.require_number("global_attn_every_n_layers", static_cast<double>(fixed().global_every));
  config.require_number("global_rope_theta", fixed().rope_theta);
  config.require_number("local_rope_theta", fixed().local_rope_theta);
  check_rope(json, kGlobal, fixed().rope_theta);
  check_rope(json, kLocal, fixed().local_rope_theta);
  const auto scaling = json.find("rope_scaling");
  if (scaling != json.end() && !scaling->is_null()) throw UsageError("rope_scaling is not supported");
}

config::Config ModernBert::read_config(const nlohmann::json& json, const Stored& /*stored*/) const {
  check_fixed(json);
  const ConfigReader config(json);
  config::Config read;
  config::Model& model = read.model;
  model.family = "modern_encoder";
  model.vocabulary.value = config.size("vocab_size");
  model.hidden = config.size("hidden_size");
  model.layers = config.size("num_hidden_layers");
  check_layer_types(json, model.layers);
  model.heads = config.size("num_attention_heads");
  model.ffn.value = config.size("intermediate_size");
  model.context = config.size("max_position_embeddings");
  model.activation = activation_of("hidden_activation", config.text("hidden_activation", "gelu"));
  model.dropout = config.number("mlp_dropout", 0);
  model.attention_dropout = config.number("attention_dropout", 0);
  model.init_std = config.number("initializer_range", 0.02);
  config::set_norm_epsilon(model, config.positive("norm_eps", 1e-5));
  read.objective.type = "masked_lm";
  return read;
}

}  // namespace

const Family& modern_bert_family() {
  static const ModernBert family;
  return family;
}

}  // namespace phalanx::hf
