// Everything here is a walk over the field list.
#include "trainer/config/resolve.h"

#include <numeric>

#include "core/check.h"
#include "trainer/config/fields.h"
#include "trainer/config/stage.h"
#include "trainer/config/value.h"

namespace phalanx::config {
namespace {

constexpr std::int64_t kMostShards = 8;

std::int64_t largest_divisor(std::int64_t n) {
  for (std::int64_t d = kMostShards; d > 1; --d) {
    if (n % d == 0) return d;
  }
  return 1;
}

}  // namespace

Config resolve_sizes(Config config, int world_size) {
  if (config.model.ffn.is_auto()) config.model.ffn.value = 4 * config.model.hidden;
  if (config.model.token_types.is_auto()) config.model.token_types.value = config.objective.next_sentence ? 2 : 0;
  const std::int64_t tensor = config.parallel.tensor;
  const bool divides = tensor > 0 && world_size % tensor == 0;  // else validation says what is wrong
  if (config.parallel.data.is_auto() && divides) config.parallel.data.value = world_size / tensor;
  if (config.run.same_on_any_layout()) {
    AutoInt& tensor_shards = config.run.tensor_shards;
    AutoInt& data_shards = config.run.data_shards;
    if (tensor_shards.is_auto()) {
      tensor_shards.value = largest_divisor(std::gcd(config.model.heads, config.model.ffn.value));
    }
    if (data_shards.is_auto()) data_shards.value = largest_divisor(common_batch_divisor(config));
  }
  return config;
}

std::string to_yaml(const Config& config) {
  std::string out;
  std::string_view section;
  for (const Field& field : fields()) {
    if (section_of(field.key) != section) {
      section = section_of(field.key);
      out += str(section, ":\n");
    }
    out += str("  ", leaf_of(field.key), ": ", value_text(field, config), "\n");
  }
  return out;
}

std::vector<Difference> diff(const Config& old_config, const Config& new_config) {
  std::vector<Difference> differences;
  for (const Field& field : fields()) {
    const std::string before = value_text(field, old_config);
    const std::string after = value_text(field, new_config);
    if (before != after) differences.push_back({std::string(field.key), before, after});
  }
  return differences;
}

}  // namespace phalanx::config
