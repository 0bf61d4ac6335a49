// Family: what a Hugging Face folder calls the parts of one kind of model. One file per family implements it: names and
// orders of tensors, keys of config.json. Everything else of export and import knows no family.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/param_spec.h"
#include "trainer/config/config.h"
#include "trainer/hf/place.h"

namespace phalanx::hf {

class Family {
 public:
  Family() = default;
  virtual ~Family() = default;
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  [[nodiscard]] virtual std::string model_type() const = 0;  // of config.json: "gpt2"
  // Of config.json: the first is what export writes, all of them can be read.
  [[nodiscard]] virtual std::vector<std::string> architectures() const = 0;
  // What names begin with in a model with a head, and without one do not: "transformer."
  [[nodiscard]] virtual std::string base_prefix() const = 0;
  // Whether `model` is of this family.
  [[nodiscard]] virtual bool is(const config::Model& model) const = 0;

  // Where each parameter stands; every one of `table` has a place. Throws Error naming one that it does not know.
  [[nodiscard]] virtual std::vector<Place> places(const ParamTable& table) const = 0;
  // Names without the prefix that hold no parameter: buffers of old versions.
  [[nodiscard]] virtual bool is_buffer(const std::string& name) const = 0;
  // A second name of a tensor, for weights that are tied: name and whose it is, both without the prefix.
  struct Alias {
    std::string name, of;
  };
  [[nodiscard]] virtual std::optional<Alias> alias() const = 0;

  // config.json of a model: what the family calls its sizes.
  [[nodiscard]] virtual nlohmann::ordered_json config_of(const config::Model& model) const = 0;
  // The inverse. Throws UsageError naming the key that is missing, or that this program cannot do.
  [[nodiscard]] virtual config::Model model_of(const nlohmann::json& config) const = 0;
};

// The family that writes a model; throws UsageError naming model.family when there is none.
const Family& family_of(const config::Model& model);

// The family of a config.json, by its architectures, or its model_type where it names none. Throws UsageError naming
// what is unknown, and what is known.
const Family& family_of(const nlohmann::json& config);

}  // namespace phalanx::hf
