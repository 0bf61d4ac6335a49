// AttentionProbe: the attention weights of a forward, for somebody to look at. Hangs on Context::probe.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "model/ops/attention.h"

namespace phalanx {

class AttentionProbe {
 public:
  // Of one layer and one sequence: weight (h, t, j) is what query t takes of key j in head h; a row adds up to 1, and
  // keys that the query does not see have exactly 0.
  struct Weights {
    std::int64_t NH = 0, T = 0;
    std::vector<float> values;  // (NH, T, T)

    [[nodiscard]] float at(std::int64_t h, std::int64_t t, std::int64_t j) const {
      return values[static_cast<std::size_t>((h * T + t) * T + j)];
    }
  };

  // Weights from qkv (1, T, 3, NH, HS), in double (formula: model/ops/attention.h). Replaces what the layer had.
  void record(const ops::Exec& exec, int layer, const Tensor& qkv, const ops::AttentionMask& mask);

  [[nodiscard]] const std::map<int, Weights>& layers() const { return layers_; }

 private:
  std::map<int, Weights> layers_;
};

}  // namespace phalanx
