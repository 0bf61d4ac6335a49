#include "trainer/hf/gpt2.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "trainer/config/norm_epsilon.h"
#include "trainer/hf/activation.h"
#include "trainer/hf/config_reader.h"
#include "trainer/hf/name_table.h"

namespace phalanx::hf {
namespace {

// GPT-2 keeps the weights of its Conv1D layers as (IC, OC), so that q, k and v are columns of c_attn.
constexpr std::array<Name, 12> kLayer{{{"norm1.gamma", "ln_1.weight", keep},
                                       {"norm1.beta", "ln_1.bias", keep},
                                       {"attention.qkv.weight", "attn.c_attn.weight", transpose},
                                       {"attention.qkv.bias", "attn.c_attn.bias", flatten},
                                       {"attention.out.weight", "attn.c_proj.weight", transpose},
                                       {"attention.out.bias", "attn.c_proj.bias", keep},
                                       {"norm2.gamma", "ln_2.weight", keep},
                                       {"norm2.beta", "ln_2.bias", keep},
                                       {"mlp.up.weight", "mlp.c_fc.weight", transpose},
                                       {"mlp.up.bias", "mlp.c_fc.bias", keep},
                                       {"mlp.down.weight", "mlp.c_proj.weight", transpose},
                                       {"mlp.down.bias", "mlp.c_proj.bias", keep}}};
constexpr std::array<Name, 4> kOutside{{{"embedding.token", "transformer.wte.weight", keep},
                                        {"embedding.position", "transformer.wpe.weight", keep},
                                        {"final_norm.gamma", "transformer.ln_f.weight", keep},
                                        {"final_norm.beta", "transformer.ln_f.bias", keep}}};
constexpr NameTable kNames{.model = "GPT-2", .outside = kOutside, .layers = "transformer.h.", .in_layer = kLayer};

class Gpt2 final : public Family {
 public:
  [[nodiscard]] std::string model_type() const override { return "gpt2"; }
  [[nodiscard]] std::vector<std::string> architectures() const override { return {"GPT2LMHeadModel", "GPT2Model"}; }
  [[nodiscard]] std::string base_prefix() const override { return "transformer."; }
  [[nodiscard]] bool is(const config::Config& config) const override { return config.model.family == "gpt"; }
  [[nodiscard]] std::string architecture_of(const config::Config& /*config*/) const override {
    return "GPT2LMHeadModel";
  }
  [[nodiscard]] bool generates() const override { return true; }

  [[nodiscard]] std::vector<Place> places(const ParamTable& table, const SpecialIds& /*ids*/) const override {
    return places_by_name(kNames, table);
  }
  // Causal masks, which transformers stored before version 4.31.
  [[nodiscard]] bool is_unused(const std::string& name) const override {
    const std::string_view rest = split_layer(name, "h.").rest;
    return rest == "attn.bias" || rest == "attn.masked_bias";
  }
  [[nodiscard]] std::vector<Alias> aliases() const override { return {{"lm_head.weight", "wte.weight"}}; }

  [[nodiscard]] nlohmann::ordered_json config_of(const config::Config& config, const SpecialIds& ids) const override;
  [[nodiscard]] config::Config read_config(const nlohmann::json& config, const Stored& stored) const override;
  [[nodiscard]] SpecialIds read_ids(const nlohmann::json& /*config*/) const override { return {}; }
};

// GPT2Config would put GPT-2's own end of text where none is written.
nlohmann::ordered_json Gpt2::config_of(const config::Config& config, const SpecialIds& ids) const {
  const config::Model& model = config.model;
  nlohmann::ordered_json end = nullptr;
  if (ids.end_of_text) end = *ids.end_of_text;
  return {{"n_embd", model.hidden},
          {"n_layer", model.layers},
          {"n_head", model.heads},
          {"n_inner", model.ffn.value},
          {"n_positions", model.context},
          {"n_ctx", model.context},
          {"vocab_size", model.vocabulary.value},
          {"activation_function", model.activation == "gelu_erf" ? "gelu" : "gelu_new"},
          {"layer_norm_epsilon", config::norm_epsilon(model)},
          {"embd_pdrop", model.dropout},
          {"resid_pdrop", model.dropout},
          {"attn_pdrop", model.attention_dropout},
          {"initializer_range", model.init_std},
          {"scale_attn_weights", true},
          {"scale_attn_by_inverse_layer_idx", false},
          {"reorder_and_upcast_attn", false},
          {"tie_word_embeddings", true},
          {"use_cache", true},
          {"bos_token_id", end},
          {"eos_token_id", end}};
}

// Dropout of the embedding and of the residual branches is one key here; it does not change what the weights compute.
config::Config Gpt2::read_config(const nlohmann::json& json, const Stored& /*stored*/) const {
  const ConfigReader config(json);
  config.require_value("scale_attn_weights", true);
  config.require_value("scale_attn_by_inverse_layer_idx", false);
  config.require_value("add_cross_attention", false);
  config.require_value("tie_word_embeddings", true);
  config::Config read;
  config::Model& model = read.model;
  model.family = "gpt";
  model.hidden = config.size("n_embd");
  model.layers = config.size("n_layer");
  model.heads = config.size("n_head");
  model.ffn.value = config.size_or("n_inner", 4 * model.hidden);
  model.context = config.size("n_positions");
  model.vocabulary.value = config.size("vocab_size");
  model.activation = activation_of("activation_function", config.text("activation_function", "gelu_new"));
  model.dropout = config.number("resid_pdrop", 0.1);
  model.attention_dropout = config.number("attn_pdrop", 0.1);
  model.init_std = config.number("initializer_range", 0.02);
  config::set_norm_epsilon(model, config.positive("layer_norm_epsilon", 1e-5));
  return read;
}

}  // namespace

const Family& gpt2_family() {
  static const Gpt2 family;
  return family;
}

}  // namespace phalanx::hf
