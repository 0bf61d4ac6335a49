#include "trainer/hf/gpt2.h"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/check.h"
#include "trainer/hf/config_reader.h"
#include "trainer/hf/json_files.h"

namespace phalanx::hf {
namespace {

// What model/gpt.cpp adds to the variance in its norms.
constexpr double kNormEpsilon = 1e-5;

using MakePlace = Place (*)(int spec, const Shape& shape, std::string name);
struct Name {
  std::string_view ours, theirs;
  MakePlace place;
};

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
constexpr std::array<Name, 4> kOutside{{{"embedding.token", "wte.weight", keep},
                                        {"embedding.position", "wpe.weight", keep},
                                        {"final_norm.gamma", "ln_f.weight", keep},
                                        {"final_norm.beta", "ln_f.bias", keep}}};

// "layers.12.norm1.beta", "layers." -> "12" and "norm1.beta"; an empty number when it is no such name.
struct LayerName {
  std::string_view number, rest;
};
LayerName split_layer(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  const std::size_t dot = name.find('.');
  const std::string_view number = name.substr(0, dot);
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
  if (dot == std::string_view::npos || !digits) return {};
  return {number, name.substr(dot + 1)};
}

Place place_of(const ParamSpec& spec, int index) {
  const LayerName layer = split_layer(spec.name, "layers.");
  for (const Name& name : kOutside) {
    if (name.ours == spec.name) return name.place(index, spec.shape, str("transformer.", name.theirs));
  }
  for (const Name& name : kLayer) {
    if (name.ours != layer.rest) continue;
    return name.place(index, spec.shape, str("transformer.h.", layer.number, ".", name.theirs));
  }
  throw Error(str("GPT-2 has no parameter ", spec.name, " ", to_string(spec.shape)));
}

class Gpt2 final : public Family {
 public:
  [[nodiscard]] std::string model_type() const override { return "gpt2"; }
  [[nodiscard]] std::vector<std::string> architectures() const override { return {"GPT2LMHeadModel", "GPT2Model"}; }
  [[nodiscard]] std::string base_prefix() const override { return "transformer."; }
  [[nodiscard]] bool is(const config::Model& model) const override { return model.family == "gpt"; }

  [[nodiscard]] std::vector<Place> places(const ParamTable& table) const override {
    std::vector<Place> places;
    for (std::size_t i = 0; i < table.size(); ++i) places.push_back(place_of(table[i], static_cast<int>(i)));
    return places;
  }
  // Causal masks, which transformers stored before version 4.31.
  [[nodiscard]] bool is_buffer(const std::string& name) const override {
    const std::string_view rest = split_layer(name, "h.").rest;
    return rest == "attn.bias" || rest == "attn.masked_bias";
  }
  [[nodiscard]] std::optional<Alias> alias() const override { return Alias{"lm_head.weight", "wte.weight"}; }

  [[nodiscard]] nlohmann::ordered_json config_of(const config::Model& model) const override;
  [[nodiscard]] config::Model model_of(const nlohmann::json& config) const override;
};

nlohmann::ordered_json Gpt2::config_of(const config::Model& model) const {
  return {{"n_embd", model.hidden},
          {"n_layer", model.layers},
          {"n_head", model.heads},
          {"n_inner", model.ffn.value},
          {"n_positions", model.context},
          {"n_ctx", model.context},
          {"vocab_size", model.vocabulary.value},
          {"activation_function", model.activation == "gelu_erf" ? "gelu" : "gelu_new"},
          {"layer_norm_epsilon", kNormEpsilon},
          {"embd_pdrop", model.dropout},
          {"resid_pdrop", model.dropout},
          {"attn_pdrop", model.attention_dropout},
          {"initializer_range", model.init_std},
          {"scale_attn_weights", true},
          {"scale_attn_by_inverse_layer_idx", false},
          {"reorder_and_upcast_attn", false},
          {"tie_word_embeddings", true},
          {"use_cache", true}};
}

std::string activation_of(const std::string& name) {
  if (name == "gelu") return "gelu_erf";
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return "gelu_tanh";
  throw UsageError(
      str("activation_function: ", shown(name), " is not supported; gelu_new, gelu_pytorch_tanh and gelu are"));
}

// Dropout of the embedding and of the residual branches is one key here; it does not change what the weights compute.
config::Model Gpt2::model_of(const nlohmann::json& json) const {
  const ConfigReader config(json);
  config.require_value("scale_attn_weights", true);
  config.require_value("scale_attn_by_inverse_layer_idx", false);
  config.require_value("add_cross_attention", false);
  config.require_value("tie_word_embeddings", true);
  const double epsilon = config.number("layer_norm_epsilon", kNormEpsilon);
  if (!(std::abs(epsilon - kNormEpsilon) <= 1e-6 * kNormEpsilon)) {
    throw UsageError(str("layer_norm_epsilon is ", epsilon, "; this program computes with ", kNormEpsilon));
  }
  config::Model model;
  model.family = "gpt";
  model.hidden = config.size("n_embd");
  model.layers = config.size("n_layer");
  model.heads = config.size("n_head");
  model.ffn.value = config.size_or("n_inner", 4 * model.hidden);
  model.context = config.size("n_positions");
  model.vocabulary.value = config.size("vocab_size");
  model.activation = activation_of(config.text("activation_function", "gelu_new"));
  model.dropout = config.number("resid_pdrop", 0.1);
  model.attention_dropout = config.number("attn_pdrop", 0.1);
  model.init_std = config.number("initializer_range", 0.02);
  return model;
}

}  // namespace

const Family& gpt2_family() {
  static const Gpt2 family;
  return family;
}

}  // namespace phalanx::hf
