#include "model/network.h"

#include "model/bert.h"
#include "model/gpt.h"
#include "model/modern_encoder.h"

namespace phalanx {

std::unique_ptr<Network> make_network(const NetworkOptions& options) {
  if (options.family == "gpt") return std::make_unique<Gpt>(options);
  if (options.family == "bert") return std::make_unique<Bert>(options);
  if (options.family == "modern_encoder") return std::make_unique<ModernEncoder>(options);
  throw UsageError(str("model.family: unknown family '", options.family, "'; known: gpt, bert, modern_encoder"));
}

}  // namespace phalanx
