#include "trainer/hf/family.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "trainer/hf/bert.h"
#include "trainer/hf/gpt2.h"
#include "trainer/hf/json_files.h"
#include "trainer/hf/modern_bert.h"
#include "trainer/hf/roberta.h"

namespace phalanx::hf {
namespace {

std::array<const Family*, 4> families() {
  return {&gpt2_family(), &bert_family(), &roberta_family(), &modern_bert_family()};
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<std::string> known_architectures() {
  std::vector<std::string> all;
  for (const Family* family : families()) {
    const std::vector<std::string> some = family->architectures();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

bool reads(const Family& family, const std::string& architecture) {
  return std::ranges::count(family.architectures(), architecture) > 0;
}

// What config.json names; the first of several is what the weights were saved from.
std::string architecture_of(const nlohmann::json& config) {
  const auto found = config.find("architectures");
  if (found == config.end() || found->is_null()) return "";
  if (!found->is_array() || found->empty() || !found->front().is_string()) {
    throw UsageError("architectures must be a list of names");
  }
  return found->front().get<std::string>();
}

}  // namespace

const Family& family_of(const config::Config& config) {
  for (const Family* family : families()) {
    if (family->is(config)) return *family;
  }
  throw UsageError(str("model.family: ", config.model.family,
                       " with model.token_types: ", config.model.token_types.value, " cannot be exported"));
}

const Family& family_of(const nlohmann::json& config) {
  if (!config.is_object()) throw UsageError("must be an object");
  const std::string architecture = architecture_of(config);
  const auto type = config.find("model_type");
  const std::string model_type = type != config.end() && type->is_string() ? type->get<std::string>() : "";
  for (const Family* family : families()) {
    if (architecture.empty() ? model_type == family->model_type() : reads(*family, architecture)) return *family;
  }
  const bool has_name = !architecture.empty() || !model_type.empty();
  throw UsageError(str(
      has_name ? str("the architecture ", shown(architecture.empty() ? model_type : architecture), " is not supported")
               : std::string("names no architecture"),
      "; known: ", list_of(known_architectures())));
}

}  // namespace phalanx::hf
