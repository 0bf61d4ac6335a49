#include "model/modern_encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace phalanx {
namespace {

NetworkOptions base() {
  return {.family = "modern_encoder", .L = 22, .C = 768, .NH = 12, .F = 1152, .T = 512, .V = 50368};
}

TEST(ModernEncoder, ParameterCountsAreThePublishedOnes) {  // of ModernBertForMaskedLM in `transformers`
  NetworkOptions o = base();
  EXPECT_EQ(parameter_count(ModernEncoder(o).parameters().table), 149655232);
  o.L = 28, o.C = 1024, o.NH = 16, o.F = 2624;
  EXPECT_EQ(parameter_count(ModernEncoder(o).parameters().table), 395881664);
}

TEST(ModernEncoder, HasNoBiasButTheDecoders) {
  const ModernEncoder encoder(base());
  for (const ParamSpec& spec : encoder.parameters().table) {
    const bool bias = spec.name.ends_with("bias") || spec.name.ends_with("beta");
    EXPECT_EQ(bias, spec.name == "mlm.bias") << spec.name;
    EXPECT_NE(spec.name, "layers.0.norm1.gamma");
    EXPECT_EQ(spec.decay, spec.shape.dims() > 1) << spec.name;
  }
}

TEST(ModernEncoder, EveryThirdLayerCountsAllKeysAndTheOthersTheirWindow) {
  const ModernEncoder encoder(base());
  const double layer = 4.0 * 768 * 768 + 3.0 * 768 * 1152;
  const double keys = 8.0 * 512 + 14.0 * 129;
  const double head = 768.0 * 768 + 768.0 * 50368;
  EXPECT_DOUBLE_EQ(encoder.flops_per_token({.T = 512, .P = 154}),
                   6.0 * (22.0 * layer + 2.0 * 768 * keys + head * 154.0 / 512.0));
}

}  // namespace
}  // namespace phalanx
