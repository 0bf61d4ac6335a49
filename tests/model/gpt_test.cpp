#include "model/gpt.h"

#include <gtest/gtest.h>

#include <string>

namespace phalanx {
namespace {

TEST(Gpt, ParametersOutsideOfTheBlocksBelongToNoLayer) {
  const Gpt gpt({.L = 3, .C = 8, .NH = 2, .F = 16, .T = 5, .V = 7});
  for (const ParamSpec& spec : gpt.parameters().table) {
    const std::string layers = "layers.";
    const int layer = spec.name.starts_with(layers) ? std::stoi(spec.name.substr(layers.size())) : -1;
    EXPECT_EQ(spec.layer, layer) << spec.name;
  }
}

}  // namespace
}  // namespace phalanx
