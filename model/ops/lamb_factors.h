// The factors of a LAMB direction that do not change from element to element, for every backend.
#pragma once

#include <cmath>

#include "model/ops/lamb.h"

namespace phalanx::ops {

struct LambFactors {
  float grad_scale, beta1, one_minus_beta1, beta2, one_minus_beta2, m_correction, v_correction, epsilon, decay;
};

inline LambFactors lamb_factors(const LambDirection& a) {
  const auto t = static_cast<double>(a.t);
  return {.grad_scale = a.grad_scale,
          .beta1 = a.beta1,
          .one_minus_beta1 = static_cast<float>(1.0 - static_cast<double>(a.beta1)),
          .beta2 = a.beta2,
          .one_minus_beta2 = static_cast<float>(1.0 - static_cast<double>(a.beta2)),
          .m_correction = static_cast<float>(1.0 / (1.0 - std::pow(double{a.beta1}, t))),
          .v_correction = static_cast<float>(1.0 / (1.0 - std::pow(double{a.beta2}, t))),
          .epsilon = a.epsilon,
          .decay = a.weight_decay};
}

}  // namespace phalanx::ops
