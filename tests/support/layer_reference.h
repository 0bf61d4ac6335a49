// Layers as plain loops in double: what their tests compare with.
#pragma once

#include <cmath>
#include <string>

#include "tests/support/attention_case.h"
#include "tests/support/layer_rig.h"

namespace phalanx::testing {

// y (N, OC) = x (N, IC) Wᵀ + b, W (OC, IC); an empty b adds nothing.
inline Doubles linear_reference(const Doubles& x, const Doubles& w, const Doubles& b, std::size_t IC) {
  const std::size_t N = x.size() / IC;
  const std::size_t OC = w.size() / IC;
  Doubles y(N * OC);
  for (std::size_t n = 0; n < N; ++n) {
    for (std::size_t o = 0; o < OC; ++o) {
      double sum = b.empty() ? 0.0 : b[o];
      for (std::size_t i = 0; i < IC; ++i) sum += x[n * IC + i] * w[o * IC + i];
      y[n * OC + o] = sum;
    }
  }
  return y;
}

inline Doubles norm_reference(const Doubles& x, const Doubles& gamma, const Doubles& beta, double epsilon) {
  const std::size_t C = gamma.size();
  Doubles y(x.size());
  for (std::size_t begin = 0; begin < x.size(); begin += C) {
    double mean = 0.0, variance = 0.0;
    for (std::size_t c = 0; c < C; ++c) mean += x[begin + c] / static_cast<double>(C);
    for (std::size_t c = 0; c < C; ++c) variance += std::pow(x[begin + c] - mean, 2) / static_cast<double>(C);
    for (std::size_t c = 0; c < C; ++c) {
      y[begin + c] = (x[begin + c] - mean) / std::sqrt(variance + epsilon) * gamma[c] + beta[c];
    }
  }
  return y;
}

inline Doubles gelu_reference(Doubles x) {  // the tanh form
  for (double& v : x) v = 0.5 * v * (1.0 + std::tanh(std::sqrt(2.0 / std::acos(-1.0)) * (v + 0.044715 * v * v * v)));
  return x;
}

inline Doubles gelu_erf_reference(Doubles x) {
  for (double& v : x) v = 0.5 * v * std::erfc(-v / std::sqrt(2.0));
  return x;
}

inline Doubles sum_of(Doubles a, const Doubles& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

// b (C) added to every row.
inline Doubles rows_plus(Doubles x, const Doubles& b) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += b[i % b.size()];
  return x;
}

// Without the output bias, as the layer.
inline Doubles mlp_reference(const Doubles& x, const NamedDoubles& p, const std::string& prefix, std::size_t C) {
  const Doubles h = linear_reference(x, p.at(prefix + "up.weight"), p.at(prefix + "up.bias"), C);
  return linear_reference(gelu_reference(h), p.at(prefix + "down.weight"), {}, p.at(prefix + "up.bias").size());
}

// Likewise; sizes.NH heads of sizes.HS.
inline Doubles self_attention_reference(const Doubles& x, const NamedDoubles& p, const std::string& prefix,
                                        const AttentionSizes& sizes, const AttentionRules& rules = {}) {
  const auto C = static_cast<std::size_t>(sizes.NH * sizes.HS);
  const Doubles qkv = linear_reference(x, p.at(prefix + "qkv.weight"), p.at(prefix + "qkv.bias"), C);
  return linear_reference(attention_reference(qkv, sizes, rules).out, p.at(prefix + "out.weight"), {}, C);
}

}  // namespace phalanx::testing
