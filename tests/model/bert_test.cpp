#include "model/bert.h"

#include <gtest/gtest.h>

#include <string>

namespace phalanx {
namespace {

NetworkOptions base() {
  return {.family = "bert",
          .L = 12,
          .C = 768,
          .NH = 12,
          .F = 3072,
          .T = 512,
          .V = 30522,
          .norm_epsilon = 1e-12,
          .token_types = 2,
          .next_sentence = true};
}

TEST(Bert, ParameterCountsAreThePublishedOnes) {  // of BertForPreTraining in `transformers`
  NetworkOptions o = base();
  EXPECT_EQ(parameter_count(Bert(o).parameters().table), 110106428);
  o.L = 24, o.C = 1024, o.NH = 16, o.F = 4096;
  EXPECT_EQ(parameter_count(Bert(o).parameters().table), 336226108);
}

TEST(Bert, WithoutTypesAndPairsItIsRoberta) {
  NetworkOptions o = base();
  o.V = 50265, o.token_types = 0, o.next_sentence = false;
  // RobertaForMaskedLM has two more positions and one token type.
  EXPECT_EQ(parameter_count(Bert(o).parameters().table), 124697433 - 3 * 768);
  const Bert roberta(o);
  for (const ParamSpec& spec : roberta.parameters().table) {
    EXPECT_EQ(spec.name.find("token_type"), std::string::npos);
    EXPECT_FALSE(spec.name.starts_with("pooler.") || spec.name.starts_with("next_sentence.")) << spec.name;
  }
}

TEST(Bert, ParametersOutsideOfTheBlocksBelongToNoLayer) {
  const Bert bert(base());
  for (const ParamSpec& spec : bert.parameters().table) {
    const std::string layers = "layers.";
    const int layer = spec.name.starts_with(layers) ? std::stoi(spec.name.substr(layers.size())) : -1;
    EXPECT_EQ(spec.layer, layer) << spec.name;
  }
}

TEST(Bert, MatricesDecayAndBiasesAndNormsDoNot) {
  const Bert bert(base());
  for (const ParamSpec& spec : bert.parameters().table) {
    const bool matrix = spec.init == Init::normal;
    EXPECT_EQ(spec.decay, matrix) << spec.name;
    EXPECT_TRUE(!matrix || spec.init_std == 0.02F) << spec.name;
  }
}

TEST(Bert, TheHeadCountsByWhatItPredicts) {  // 6 operations per product of one token
  const Bert bert(base());
  const double layers = 12.0 * (12.0 * 768 * 768 + 2.0 * 768 * 128);
  const double head = 768.0 * 768 + 768.0 * 30522;
  const double pairs = 768.0 * 768 + 2.0 * 768;
  EXPECT_DOUBLE_EQ(bert.flops_per_token({.T = 128, .P = 20}), 6.0 * (layers + (20.0 * head + pairs) / 128.0));
  EXPECT_DOUBLE_EQ(bert.flops_per_token({.T = 128}), 6.0 * (layers + head + pairs / 128.0));
}

}  // namespace
}  // namespace phalanx
