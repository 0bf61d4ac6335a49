// How JSON tells what a run is and what memory it holds, in metrics.jsonl and on the page.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "trainer/memory.h"
#include "trainer/metrics/stats.h"

namespace phalanx {

// put(key, value) for every fact of a run, in the order of the record.
template <class Put>
void for_each_fact(const RunInfo& info, Put&& put) {
  put("name", info.name);
  put("output", info.output);
  put("steps", info.steps);
  put("world_size", info.world_size);
  put("data_ranks", info.data_ranks);
  put("tensor_ranks", info.tensor_ranks);
  put("threads", info.threads);
  put("device", info.device);
  put("precision", info.precision);
  put("reproducible", info.reproducible);
  put("parameters", info.parameters);
  put("flops_per_token", info.flops_per_token);
  put("peak_flops", info.peak_flops);
  put("peak_source", info.peak_source);
}

// {arena: {"planned", "used"}} in bytes.
inline nlohmann::ordered_json memory_json(const std::vector<ArenaBytes>& memory) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const ArenaBytes& arena : memory) json[arena.name] = {{"planned", arena.planned}, {"used", arena.used}};
  return json;
}

}  // namespace phalanx
