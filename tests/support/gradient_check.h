// Gradients by central differences in double: the oracle of every backward.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "tests/support/arrays.h"

namespace phalanx::testing {

// d f / d x[i] for each i of `indices`. With h = 1e-5 and functions of order 1, the truncation (h² f''' / 6) and the
// rounding (1e-16 |f| / h) are both below 1e-9.
inline Doubles numeric_gradient(const std::function<double(const Doubles&)>& f, Doubles x,
                                const std::vector<std::size_t>& indices) {
  constexpr double h = 1e-5;
  Doubles gradient;
  for (const std::size_t i : indices) {
    const double at = x[i];
    x[i] = at + h;
    const double above = f(x);
    x[i] = at - h;
    const double below = f(x);
    x[i] = at;
    gradient.push_back((above - below) / (2.0 * h));
  }
  return gradient;
}

inline Doubles numeric_gradient(const std::function<double(const Doubles&)>& f, const Doubles& x) {
  std::vector<std::size_t> all(x.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return numeric_gradient(f, x, all);
}

// sum of a[i] b[i]: a scalar loss whose gradient with respect to b is a.
inline double dot(const Doubles& a, const Doubles& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace phalanx::testing
