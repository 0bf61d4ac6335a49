// The weights that the probe shows are those that the attention op used.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "model/attention_probe.h"
#include "tests/support/exec.h"

namespace phalanx {
namespace {

constexpr std::int64_t T = 13, NH = 3, HS = 8;

struct MaskCase {
  const char* name;
  bool causal;
  int window;
  bool documents;
};

class ProbeOfMask : public ::testing::TestWithParam<MaskCase> {};

TEST_P(ProbeOfMask, WeighsTheValuesAsTheOpDoes) {
  const MaskCase& c = GetParam();
  std::vector<float> qkv(static_cast<std::size_t>(T * 3 * NH * HS));
  for (std::size_t i = 0; i < qkv.size(); ++i) qkv[i] = std::sin(0.37F * static_cast<float>(i * i % 101));
  std::vector<std::int32_t> begin(T), end(T);
  for (std::int64_t t = 0; t < T; ++t) {
    begin[static_cast<std::size_t>(t)] = t < 5 ? 0 : 5;
    end[static_cast<std::size_t>(t)] = t < 5 ? 5 : T;
  }
  ops::AttentionMask mask{.causal = c.causal, .window = c.window, .document_begin = {}, .document_end = {}};
  if (c.documents) {
    mask.document_begin = host_tensor(begin.data(), {1, T});
    mask.document_end = host_tensor(end.data(), {1, T});
  }
  std::vector<float> out(static_cast<std::size_t>(T * NH * HS)), lse(static_cast<std::size_t>(NH * T));
  const Tensor packed = host_tensor(qkv.data(), {1, T, 3, NH, HS});
  const testing::CpuExec cpu;
  ops::attention_forward(cpu.exec(), {.out = host_tensor(out.data(), {1, T, NH, HS}),
                                      .lse = host_tensor(lse.data(), {1, NH, T}),
                                      .qkv = packed,
                                      .mask = mask,
                                      .dropout = {}});
  AttentionProbe probe;
  probe.record(cpu.exec(), 4, packed, mask);
  const AttentionProbe::Weights& weights = probe.layers().at(4);
  for (std::int64_t t = 0; t < T; ++t) {
    for (std::int64_t h = 0; h < NH; ++h) {
      double total = 0;
      std::vector<double> expected(HS, 0.0);
      for (std::int64_t j = 0; j < T; ++j) {
        total += weights.at(h, t, j);
        for (std::int64_t k = 0; k < HS; ++k) {
          expected[static_cast<std::size_t>(k)] +=
              double{weights.at(h, t, j)} * qkv[static_cast<std::size_t>(((j * 3 + 2) * NH + h) * HS + k)];
        }
      }
      EXPECT_NEAR(total, 1.0, 1e-6);
      for (std::int64_t k = 0; k < HS; ++k) {
        // T products and sums of values below 1, in fp32.
        EXPECT_NEAR(out[static_cast<std::size_t>((t * NH + h) * HS + k)], expected[static_cast<std::size_t>(k)], 4e-6);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllMasks, ProbeOfMask,
                         ::testing::Values(MaskCase{"Full", false, 0, false}, MaskCase{"Causal", true, 0, false},
                                           MaskCase{"Window", false, 2, false}, MaskCase{"Documents", true, 0, true},
                                           MaskCase{"WindowInDocuments", false, 3, true}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace phalanx
