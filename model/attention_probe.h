// AttentionProbe: the attention weights of a forward, for somebody to look at. Hangs on Context::probe.
#pragma once

#include <cstdint>
#include <map>
#include <span>
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

    // What query t takes of each key: (T).
    [[nodiscard]] std::span<const float> row(std::int64_t h, std::int64_t t) const {
      return std::span(values).subspan(static_cast<std::size_t>((h * T + t) * T), static_cast<std::size_t>(T));
    }
    [[nodiscard]] float at(std::int64_t h, std::int64_t t, std::int64_t j) const {
      return row(h, t)[static_cast<std::size_t>(j)];
    }
  };

  // Weights from qkv (1, T, 3, NH, HS), in double (formula: model/ops/attention.h). Replaces what the layer had.
  void record(const ops::Exec& exec, int layer, const Tensor& qkv, const ops::AttentionMask& mask);

  [[nodiscard]] const std::map<int, Weights>& layers() const { return layers_; }

 private:
  std::map<int, Weights> layers_;
};

}  // namespace phalanx
