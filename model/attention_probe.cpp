#include "model/attention_probe.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"
#include "core/device.h"

namespace phalanx {
namespace {

// Keys [first, last) that query t sees.
struct Visible {
  std::int64_t first = 0, last = 0;
};

Visible visible_of(std::int64_t t, std::int64_t T, const ops::AttentionMask& mask,
                   const std::vector<std::int32_t>& begin, const std::vector<std::int32_t>& end) {
  const auto n = static_cast<std::size_t>(t);
  Visible keys{begin.empty() ? 0 : begin[n], end.empty() ? T : end[n]};
  if (mask.causal) keys.last = std::min(keys.last, t + 1);
  if (mask.window > 0) {
    keys.first = std::max(keys.first, t - mask.window);
    keys.last = std::min(keys.last, t + mask.window + 1);
  }
  return keys;
}

// row[j] = exp(score_j - largest) / sum for the visible j; nothing else is written.
template <class T>
void softmax_row(float* row, const T* query, const T* keys, std::int64_t stride, std::int64_t HS, Visible visible) {
  std::vector<double> scores;
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t j = visible.first; j < visible.last; ++j) {
    double dot = 0;
    for (std::int64_t c = 0; c < HS; ++c) {
      dot += static_cast<double>(static_cast<float>(query[c])) *
             static_cast<double>(static_cast<float>(keys[j * stride + c]));
    }
    scores.push_back(dot / std::sqrt(static_cast<double>(HS)));
    largest = std::max(largest, scores.back());
  }
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    row[visible.first + static_cast<std::int64_t>(i)] = static_cast<float>(scores[i] / sum);
  }
}

std::vector<std::int32_t> limits_of(const Tensor& limits, const Stream& stream) {
  return limits.defined() ? to_host<std::int32_t>(limits, stream) : std::vector<std::int32_t>{};
}

}  // namespace

void AttentionProbe::record(const ops::Exec& exec, int layer, const Tensor& qkv, const ops::AttentionMask& mask) {
  ENSURE(qkv.size(0) == 1, "the probe looks at one sequence at a time, not at ", qkv.size(0));
  const std::int64_t T = qkv.size(1);
  const std::int64_t NH = qkv.size(3);
  const std::int64_t HS = qkv.size(4);
  const std::vector<std::int32_t> begin = limits_of(mask.document_begin, exec.stream);
  const std::vector<std::int32_t> end = limits_of(mask.document_end, exec.stream);
  Weights weights{NH, T, std::vector<float>(static_cast<std::size_t>(NH * T * T))};
  visit_dtype(qkv.dtype, [&]<class Element>() {
    const std::vector<Element> values = to_host<Element>(qkv, exec.stream);
    for (std::int64_t h = 0; h < NH; ++h) {
      const Element* keys = values.data() + (NH + h) * HS;
      for (std::int64_t t = 0; t < T; ++t) {
        softmax_row(weights.values.data() + (h * T + t) * T, values.data() + (t * 3 * NH + h) * HS, keys, 3 * NH * HS,
                    HS, visible_of(t, T, mask, begin, end));
      }
    }
  });
  layers_[layer] = std::move(weights);
}

}  // namespace phalanx
