// The table of what is known and not done, with the values that work.
#include "trainer/config/refuse.h"

#include <array>

namespace phalanx::config {
namespace {

struct Refusal {
  const char* key;
  bool (*asked)(const Config&);
  const char* reason;
};

constexpr std::array kRefusals = {
    Refusal{"model.tie_embeddings", [](const Config& c) { return !c.model.tie_embeddings; },
            "an untied head is not available; true works"},
    Refusal{"parallel.sequence", [](const Config& c) { return c.parallel.sequence; },
            "sequence parallelism is not available; false works"},
    Refusal{"training.precision", [](const Config& c) { return c.training.precision == "fp16"; },
            "fp16 is not available; fp32 and bf16 work"},
};

}  // namespace

void refuse_unsupported(const Config& config, Problems& problems) {
  for (const Refusal& refusal : kRefusals) {
    problems.require(!refusal.asked(config), refusal.key, ": ", refusal.reason);
  }
}

}  // namespace phalanx::config
