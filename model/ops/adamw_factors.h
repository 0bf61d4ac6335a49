// The factors of an AdamW update that do not change from element to element, for every backend.
#pragma once

#include <cmath>

#include "model/ops/flat.h"

namespace phalanx::ops {

struct AdamwFactors {
  float grad_scale, beta1, one_minus_beta1, beta2, one_minus_beta2, step_size, v_correction, epsilon, decay;
};

inline AdamwFactors adamw_factors(const AdamwUpdate& a) {
  const auto t = static_cast<double>(a.t);
  AdamwFactors f{};
  f.grad_scale = a.grad_scale;
  f.beta1 = a.beta1;
  f.one_minus_beta1 = static_cast<float>(1.0 - static_cast<double>(a.beta1));
  f.beta2 = a.beta2;
  f.one_minus_beta2 = static_cast<float>(1.0 - static_cast<double>(a.beta2));
  f.step_size = static_cast<float>(static_cast<double>(a.learning_rate) / (1.0 - std::pow(double{a.beta1}, t)));
  f.v_correction = static_cast<float>(1.0 / (1.0 - std::pow(double{a.beta2}, t)));
  f.epsilon = a.epsilon;
  f.decay = static_cast<float>(1.0 - static_cast<double>(a.learning_rate) * static_cast<double>(a.weight_decay));
  return f;
}

}  // namespace phalanx::ops
