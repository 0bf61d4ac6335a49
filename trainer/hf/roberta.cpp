#include "trainer/hf/roberta.h"

#include <array>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "trainer/hf/activation.h"
#include "trainer/hf/bert_parts.h"
#include "trainer/hf/config_reader.h"

namespace phalanx::hf {
namespace {

constexpr const char* kTypeTable = "embeddings.token_type_embeddings.weight";
constexpr std::int64_t kUsualPad = 1;

constexpr std::array<Name, 10> kOutside{
    {{"embedding.token", "roberta.embeddings.word_embeddings.weight", keep},
     {"embedding.position", "roberta.embeddings.position_embeddings.weight", keep},
     {"token_type_embedding.weight", "roberta.embeddings.token_type_embeddings.weight", keep},
     {"embedding_norm.gamma", "roberta.embeddings.LayerNorm.weight", keep},
     {"embedding_norm.beta", "roberta.embeddings.LayerNorm.bias", keep},
     {"mlm.transform.weight", "lm_head.dense.weight", keep},
     {"mlm.transform.bias", "lm_head.dense.bias", keep},
     {"mlm.norm.gamma", "lm_head.layer_norm.weight", keep},
     {"mlm.norm.beta", "lm_head.layer_norm.bias", keep},
     {"mlm.bias", "lm_head.bias", keep}}};

// Positions begin behind the id of padding; the rows before are of padding, which nothing attends to.
std::int64_t first_position(const SpecialIds& ids) { return ids.pad.value_or(kUsualPad) + 1; }

class Roberta final : public Family {
 public:
  [[nodiscard]] std::string model_type() const override { return "roberta"; }
  [[nodiscard]] std::vector<std::string> architectures() const override { return {"RobertaForMaskedLM"}; }
  [[nodiscard]] std::string base_prefix() const override { return "roberta."; }
  [[nodiscard]] bool is(const config::Config& config) const override {
    return config.model.family == "bert" && config.model.token_types.value < 2;
  }
  [[nodiscard]] std::string architecture_of(const config::Config& /*config*/) const override {
    return "RobertaForMaskedLM";
  }
  [[nodiscard]] SpecialIds completed(SpecialIds ids) const override {
    if (!ids.pad) ids.pad = kUsualPad;
    return ids;
  }

  [[nodiscard]] std::vector<Place> places(const ParamTable& table, const SpecialIds& ids) const override;
  [[nodiscard]] std::string standard_name(const std::string& name) const override { return with_weight_and_bias(name); }
  [[nodiscard]] bool is_unused(const std::string& name) const override {
    return name == "embeddings.position_ids" || name.starts_with("pooler.dense.");
  }
  [[nodiscard]] std::vector<Alias> aliases() const override {
    return {{"lm_head.decoder.weight", "embeddings.word_embeddings.weight"}, {"lm_head.decoder.bias", "lm_head.bias"}};
  }

  [[nodiscard]] nlohmann::ordered_json config_of(const config::Config& config, const SpecialIds& ids) const override;
  [[nodiscard]] config::Config read_config(const nlohmann::json& config, const Stored& stored) const override;
  [[nodiscard]] SpecialIds read_ids(const nlohmann::json& config) const override {
    return {.end_of_text = {}, .pad = ConfigReader(config).id_or("pad_token_id", kUsualPad), .cls = {}, .sep = {}};
  }
};

// The format has a table of one token type in any case: of zeros for a model that has none.
std::vector<Place> Roberta::places(const ParamTable& table, const SpecialIds& ids) const {
  std::vector<Place> places = places_by_name(
      {.model = "RoBERTa", .outside = kOutside, .layers = "roberta.encoder.layer.", .in_layer = bert_layer_names()},
      table);
  bool types = false;
  std::int64_t C = 0;
  for (Place& place : places) {
    const std::string& name = table[static_cast<std::size_t>(place.spec)].name;
    types = types || name == "token_type_embedding.weight";
    if (name != "embedding.position") continue;
    C = place.columns;
    place.zero_rows = first_position(ids);
    place.shape[0] += place.zero_rows;
  }
  if (!types) places.push_back(zeros(str("roberta.", kTypeTable), 1, C));
  return places;
}

nlohmann::ordered_json Roberta::config_of(const config::Config& config, const SpecialIds& ids) const {
  const auto id = [](const std::optional<std::int64_t>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
  };
  nlohmann::ordered_json json = bert_sizes(config.model);
  json.update({{"hidden_act", config.model.activation == "gelu_erf" ? "gelu" : "gelu_new"},
               {"max_position_embeddings", config.model.context + first_position(ids)},
               {"type_vocab_size", 1},
               {"pad_token_id", first_position(ids) - 1},
               {"bos_token_id", id(ids.cls)},
               {"eos_token_id", id(ids.sep)}});
  return json;
}

config::Config Roberta::read_config(const nlohmann::json& json, const Stored& stored) const {
  config::Config read = read_bert_sizes(json);
  const ConfigReader config(json);
  const std::int64_t positions = config.size("max_position_embeddings");
  const std::int64_t first = first_position(read_ids(json));
  if (positions <= first) {
    throw UsageError(str("max_position_embeddings is ", positions, "; pad_token_id (", first - 1, ") leaves none of ",
                         "them to text"));
  }
  const std::int64_t types = config.size_or("type_vocab_size", 2);
  if (types != 1) throw UsageError(str("type_vocab_size is ", types, "; this program's RoBERTa has 1"));
  read.model.context = positions - first;
  read.model.activation = activation_of("hidden_act", config.text("hidden_act", "gelu"));
  read.model.token_types.value = stored.is_zero(kTypeTable) ? 0 : 1;
  return read;
}

}  // namespace

const Family& roberta_family() {
  static const Roberta family;
  return family;
}

}  // namespace phalanx::hf
