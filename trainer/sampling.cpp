#include "trainer/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/check.h"
#include "core/random.h"

namespace phalanx {
namespace {

// Ids from the most to the least likely; equal logits in id order.
std::vector<std::int32_t> by_likelihood(const std::vector<float>& logits) {
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  return order;
}

// How many of the first tokens in `order` are kept.
std::size_t kept_tokens(const std::vector<double>& sorted, const SamplingOptions& o) {
  std::size_t keep = sorted.size();
  if (o.top_k > 0) keep = std::min(keep, static_cast<std::size_t>(o.top_k));
  if (o.top_p >= 1.0) return keep;
  double sum = 0;
  for (std::size_t i = 0; i < keep; ++i) {
    sum += sorted[i];
    if (sum >= o.top_p) return i + 1;
  }
  return keep;
}

}  // namespace

std::vector<double> sampling_probabilities(const std::vector<float>& logits, const SamplingOptions& o) {
  ENSURE(!logits.empty(), "no logits to sample from");
  if (!std::all_of(logits.begin(), logits.end(), [](float z) { return std::isfinite(z); })) {
    throw Error("logits are not finite: the weights are damaged or diverged");
  }
  const std::vector<std::int32_t> order = by_likelihood(logits);
  std::vector<double> probabilities(logits.size(), 0.0);
  if (o.temperature == 0.0) {
    probabilities[static_cast<std::size_t>(order[0])] = 1.0;
    return probabilities;
  }
  const double top = logits[static_cast<std::size_t>(order[0])];
  std::vector<double> sorted(logits.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    sorted[i] = std::exp((logits[static_cast<std::size_t>(order[i])] - top) / o.temperature);
  }
  const double all = std::accumulate(sorted.begin(), sorted.end(), 0.0);
  for (double& p : sorted) p /= all;
  const std::size_t keep = kept_tokens(sorted, o);
  const double left = std::accumulate(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(keep), 0.0);
  for (std::size_t i = 0; i < keep; ++i) probabilities[static_cast<std::size_t>(order[i])] = sorted[i] / left;
  return probabilities;
}

std::int32_t sample_token(const std::vector<float>& logits, const SamplingOptions& o, std::int64_t position) {
  const std::vector<double> probabilities = sampling_probabilities(logits, o);
  const double u =
      uniform_from_bits(random_u32({o.seed, Purpose::generation, 0, 0}, static_cast<std::uint64_t>(position)));
  double sum = 0;
  std::int32_t last = 0;
  for (std::size_t id = 0; id < probabilities.size(); ++id) {
    if (probabilities[id] <= 0.0) continue;
    sum += probabilities[id];
    last = static_cast<std::int32_t>(id);
    if (u < sum) return last;
  }
  return last;  // rounding left the sum below 1
}

}  // namespace phalanx
