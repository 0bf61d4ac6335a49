// Family: what a Hugging Face folder calls the parts of one kind of model. One file per family implements it: names and
// orders of tensors, keys of config.json. Everything else of export and import knows no family.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/param_spec.h"
#include "trainer/config/config.h"
#include "trainer/hf/place.h"

namespace phalanx::hf {

// Ids of the tokens that a config.json names, where the tokenizer has them.
struct SpecialIds {
  std::optional<std::int64_t> end_of_text, pad, cls, sep;
};

class Family {
 public:
  Family() = default;
  virtual ~Family() = default;
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  [[nodiscard]] virtual std::string model_type() const = 0;  // of config.json: "gpt2"
  // Of config.json: all that can be read.
  [[nodiscard]] virtual std::vector<std::string> architectures() const = 0;
  // What names begin with in a model with a head, and without one do not: "transformer."
  [[nodiscard]] virtual std::string base_prefix() const = 0;
  // Whether `config` describes a model of this family; and which architecture export writes for it.
  [[nodiscard]] virtual bool is(const config::Config& config) const = 0;
  [[nodiscard]] virtual std::string architecture_of(const config::Config& config) const = 0;
  // Whether the model continues texts, so that generation_config.json makes sense.
  [[nodiscard]] virtual bool generates() const { return false; }
  // `ids` with what the family cannot do without.
  [[nodiscard]] virtual SpecialIds completed(SpecialIds ids) const { return ids; }

  // Where each parameter stands; every one of `table` has a place. Throws Error naming one that it does not know.
  [[nodiscard]] virtual std::vector<Place> places(const ParamTable& table, const SpecialIds& ids) const = 0;
  // The name by which `places` knows a tensor of a folder, without the prefix: files of old versions may have another.
  [[nodiscard]] virtual std::string standard_name(const std::string& name) const { return name; }
  // Names without the prefix that hold no parameter of `architecture_of` the model: buffers of old versions, heads that
  // are not used.
  [[nodiscard]] virtual bool is_unused(const std::string& name) const = 0;
  // Second names of tensors, for weights that are tied: name and whose it is, both without the prefix.
  struct Alias {
    std::string name, of;
  };
  [[nodiscard]] virtual std::vector<Alias> aliases() const = 0;

  // config.json of a model: what the family calls its sizes and tokens. Throws UsageError naming the key of this
  // program whose value the format cannot express.
  [[nodiscard]] virtual nlohmann::ordered_json config_of(const config::Config& config, const SpecialIds& ids) const = 0;
  // The inverse: the sections model and objective, with defaults elsewhere. `stored` tells which tensors, by standard
  // names, the files hold. Throws UsageError naming the key that is missing, or that this program cannot do.
  struct Stored {
    std::function<bool(const std::string& name)> has;
    std::function<bool(const std::string& name)> is_zero;  // it is there, and all of it is 0
  };
  [[nodiscard]] virtual config::Config read_config(const nlohmann::json& config, const Stored& stored) const = 0;
  [[nodiscard]] virtual SpecialIds read_ids(const nlohmann::json& config) const = 0;
};

// The family that writes a model; throws UsageError naming model.family when there is none.
const Family& family_of(const config::Config& config);

// The family of a config.json, by its architectures, or its model_type where it names none. Throws UsageError naming
// what is unknown, and what is known.
const Family& family_of(const nlohmann::json& config);

}  // namespace phalanx::hf
