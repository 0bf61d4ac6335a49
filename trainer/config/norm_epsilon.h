// What norms add to the variance: model.norm_epsilon, or where that is 0 the number that the family was published with.
#pragma once

#include <cmath>

#include "trainer/config/config.h"

namespace phalanx::config {

inline double published_norm_epsilon(const Model& model) { return model.family == "bert" ? 1e-12 : 1e-5; }

inline double norm_epsilon(const Model& model) {
  return model.norm_epsilon > 0 ? model.norm_epsilon : published_norm_epsilon(model);
}

// The published number, exact to a millionth of it, is stated as 0, so that configurations of one model are equal.
inline void set_norm_epsilon(Model& model, double epsilon) {
  const double published = published_norm_epsilon(model);
  model.norm_epsilon = std::abs(epsilon - published) <= 1e-6 * published ? 0 : epsilon;
}

}  // namespace phalanx::config
