// ModelFolder: a model as Hugging Face's libraries save it, opened, checked, and read parameter by parameter.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/param_spec.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/config.h"
#include "trainer/hf/family.h"
#include "trainer/hf/weight_files.h"

namespace phalanx::hf {

class ModelFolder {
 public:
  // Checks config.json and that the files hold each parameter of such a model, in its shape, and nothing else. Names
  // may lack the family's prefix; tied weights may be stored twice, if both are the same. Throws UsageError for a model
  // that this program cannot do, Error for damaged files; both name file and key or tensor.
  explicit ModelFolder(const std::string& folder);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  // The model of the folder, with defaults elsewhere.
  [[nodiscard]] const config::Config& config() const { return config_; }
  [[nodiscard]] const ParamTable& table() const { return table_; }

  // A whole parameter, row-major.
  [[nodiscard]] std::vector<float> read(int spec) const;

 private:
  void name_all(const Family& family);
  [[nodiscard]] config::Config checked_config(const Family& family, const nlohmann::json& json) const;
  void drop_aliases(const Family& family);
  void find_all(const Family& family, const SpecialIds& ids);
  [[nodiscard]] WeightFiles::Found take(const Family& family, const Place& place);
  void check_rest(const Family& family) const;

  std::string folder_;
  config::Config config_;
  ParamTable table_;
  WeightFiles files_;
  struct Source {
    Place place;
    WeightFiles::Found from;
  };
  std::vector<Source> sources_;
  std::map<std::string, WeightFiles::Found> rest_;  // by standard name without the prefix: not looked at yet
};

// Fills the masters of `state` (any layout) from a folder; padding becomes zero. Memory: one parameter beyond `state`.
void load(const ModelFolder& folder, const checkpoint::OwnedState& state);

}  // namespace phalanx::hf
