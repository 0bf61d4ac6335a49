// Loops over the elements of a row, a register at a time, with a short last register. A body is a generic lambda
// f(i, lanes): `lanes` tells load and store whether all lanes or only the first few are there.
// Included in the level region.
#pragma once

#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

struct AllLanes {};
struct FirstLanes {
  std::int64_t count;  // in 1 ... kLanes - 1
};

template <class T>
inline VecF load(const T* p, AllLanes) {
  return load(p);
}
// Zeros in the lanes that are not there.
template <class T>
inline VecF load(const T* p, FirstLanes lanes) {
  T buffer[kLanes] = {};
  for (std::int64_t i = 0; i < lanes.count; ++i) buffer[i] = p[i];
  return load(buffer);
}
template <class T>
inline void store(T* p, VecF v, AllLanes) {
  store(p, v);
}
template <class T>
inline void store(T* p, VecF v, FirstLanes lanes) {
  T buffer[kLanes];
  store(buffer, v);
  for (std::int64_t i = 0; i < lanes.count; ++i) p[i] = buffer[i];
}

inline VecF only(VecF v, AllLanes) { return v; }
inline VecF only(VecF v, FirstLanes lanes) {
  return keep(less(lane_numbers(), set(static_cast<float>(lanes.count))), v);
}

template <class F>
inline void for_lanes(std::int64_t n, F&& f) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(i, AllLanes{});
  if (i < n) f(i, FirstLanes{n - i});
}

// Sum of term(i, lanes) over a row, in an order that depends on n alone: four running registers, then a tree.
template <class Term>
inline float sum_lanes(std::int64_t n, Term&& term) {
  VecF sums[4] = {set(0.0F), set(0.0F), set(0.0F), set(0.0F)};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (int k = 0; k < 4; ++k) sums[k] = sums[k] + term(i + k * kLanes, AllLanes{});
  }
  for (; i + kLanes <= n; i += kLanes) sums[0] = sums[0] + term(i, AllLanes{});
  if (i < n) sums[1] = sums[1] + only(term(i, FirstLanes{n - i}), FirstLanes{n - i});
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL
