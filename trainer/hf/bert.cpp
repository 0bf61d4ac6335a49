#include "trainer/hf/bert.h"

#include <array>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "trainer/hf/activation.h"
#include "trainer/hf/bert_parts.h"
#include "trainer/hf/config_reader.h"

namespace phalanx::hf {
namespace {

constexpr const char* kPretraining = "BertForPreTraining";
constexpr const char* kMaskedLm = "BertForMaskedLM";
constexpr std::int64_t kUsualPad = 0;
constexpr std::int64_t kSegments = 2;

constexpr std::array<Name, 14> kOutside{
    {{"embedding.token", "bert.embeddings.word_embeddings.weight", keep},
     {"embedding.position", "bert.embeddings.position_embeddings.weight", keep},
     {"token_type_embedding.weight", "bert.embeddings.token_type_embeddings.weight", keep},
     {"embedding_norm.gamma", "bert.embeddings.LayerNorm.weight", keep},
     {"embedding_norm.beta", "bert.embeddings.LayerNorm.bias", keep},
     {"pooler.weight", "bert.pooler.dense.weight", keep},
     {"pooler.bias", "bert.pooler.dense.bias", keep},
     {"mlm.transform.weight", "cls.predictions.transform.dense.weight", keep},
     {"mlm.transform.bias", "cls.predictions.transform.dense.bias", keep},
     {"mlm.norm.gamma", "cls.predictions.transform.LayerNorm.weight", keep},
     {"mlm.norm.beta", "cls.predictions.transform.LayerNorm.bias", keep},
     {"mlm.bias", "cls.predictions.bias", keep},
     {"next_sentence.weight", "cls.seq_relationship.weight", keep},
     {"next_sentence.bias", "cls.seq_relationship.bias", keep}}};

class Bert final : public Family {
 public:
  [[nodiscard]] std::string model_type() const override { return "bert"; }
  [[nodiscard]] std::vector<std::string> architectures() const override { return {kPretraining, kMaskedLm}; }
  [[nodiscard]] std::string base_prefix() const override { return "bert."; }
  [[nodiscard]] bool is(const config::Config& config) const override {
    return config.model.family == "bert" && config.model.token_types.value == kSegments;
  }
  [[nodiscard]] std::string architecture_of(const config::Config& config) const override {
    return config.objective.next_sentence ? kPretraining : kMaskedLm;
  }
  [[nodiscard]] SpecialIds completed(SpecialIds ids) const override {
    if (!ids.pad) ids.pad = kUsualPad;
    return ids;
  }

  [[nodiscard]] std::vector<Place> places(const ParamTable& table, const SpecialIds& /*ids*/) const override {
    return places_by_name(
        {.model = "BERT", .outside = kOutside, .layers = "bert.encoder.layer.", .in_layer = bert_layer_names()}, table);
  }
  [[nodiscard]] std::string standard_name(const std::string& name) const override { return with_weight_and_bias(name); }
  // A pooler without the next-sentence head behind it predicts nothing.
  [[nodiscard]] bool is_unused(const std::string& name) const override {
    return name == "embeddings.position_ids" || name.starts_with("pooler.dense.");
  }
  [[nodiscard]] std::vector<Alias> aliases() const override {
    return {{"cls.predictions.decoder.weight", "embeddings.word_embeddings.weight"},
            {"cls.predictions.decoder.bias", "cls.predictions.bias"}};
  }

  [[nodiscard]] nlohmann::ordered_json config_of(const config::Config& config, const SpecialIds& ids) const override;
  [[nodiscard]] config::Config read_config(const nlohmann::json& config, const Stored& stored) const override;
  [[nodiscard]] SpecialIds read_ids(const nlohmann::json& config) const override {
    return {.end_of_text = {}, .pad = ConfigReader(config).id_or("pad_token_id", kUsualPad), .cls = {}, .sep = {}};
  }
};

nlohmann::ordered_json Bert::config_of(const config::Config& config, const SpecialIds& ids) const {
  if (config.model.activation != "gelu_erf") {
    throw UsageError(str("model.activation: ", config.model.activation, " cannot be exported: a ",
                         architecture_of(config), " has one activation for layers and head, and the head's is ",
                         "gelu_erf here"));
  }
  nlohmann::ordered_json json = bert_sizes(config.model);
  json.update({{"hidden_act", "gelu"},
               {"max_position_embeddings", config.model.context},
               {"type_vocab_size", kSegments},
               {"pad_token_id", ids.pad.value_or(kUsualPad)}});
  return json;
}

config::Config Bert::read_config(const nlohmann::json& json, const Stored& stored) const {
  config::Config read = read_bert_sizes(json);
  const ConfigReader config(json);
  read.model.context = config.size("max_position_embeddings");
  if (activation_of("hidden_act", config.text("hidden_act", "gelu")) != "gelu_erf") {
    throw UsageError("hidden_act: this program's head for masked tokens has gelu only");
  }
  read.model.activation = "gelu_erf";
  read.model.token_types.value = config.size_or("type_vocab_size", kSegments);
  if (read.model.token_types.value != kSegments) {
    throw UsageError(str("type_vocab_size is ", read.model.token_types.value, "; this program's BERT has 2"));
  }
  // Some folders are called BertForMaskedLM and hold the whole model.
  const bool says_so = json.contains("architectures") && json["architectures"] == nlohmann::json{kPretraining};
  read.objective.next_sentence = says_so || stored.has("cls.seq_relationship.weight");
  return read;
}

}  // namespace

const Family& bert_family() {
  static const Bert family;
  return family;
}

}  // namespace phalanx::hf
