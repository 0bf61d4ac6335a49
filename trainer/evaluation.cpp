#include "trainer/evaluation.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace phalanx {

double unigram_loss_sum(const std::vector<Batch>& batches, const std::vector<std::int64_t>& counts,
                        std::int64_t vocabulary) {
  const auto all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) + vocabulary);
  double sum = 0;
  for (const Batch& batch : batches) {
    for (const std::int32_t target : batch.targets) {
      if (target < 0) continue;
      const auto id = static_cast<std::size_t>(target);
      const auto count = static_cast<double>(id < counts.size() ? counts[id] : 0);
      sum -= std::log((count + 1.0) / all);
    }
  }
  return sum;
}

std::string to_text(const EvaluationReport& r) {
  std::string text =
      fmt::format("loss {:.4f}   perplexity {:.2f}   accuracy {:.1f} %   over {} predicted tokens in {:.1f} s\n",
                  r.token_loss, r.perplexity, 100.0 * r.token_accuracy, r.tokens, r.seconds);
  if (r.pairs > 0) {
    text += fmt::format("next sentence: loss {:.4f}   accuracy {:.1f} %   over {} pairs\n", r.sentence_loss,
                        100.0 * r.sentence_accuracy, r.pairs);
  }
  return text + fmt::format("baselines: uniform {:.4f}   unigram {:.4f}", r.uniform_loss, r.unigram_loss);
}

std::string to_json(const EvaluationReport& r) {
  nlohmann::ordered_json json = {{"loss", r.loss},
                                 {"token_loss", r.token_loss},
                                 {"token_accuracy", r.token_accuracy},
                                 {"perplexity", r.perplexity},
                                 {"tokens", r.tokens},
                                 {"uniform_loss", r.uniform_loss},
                                 {"unigram_loss", r.unigram_loss},
                                 {"seconds", r.seconds}};
  if (r.pairs > 0) {
    json["pairs"] = r.pairs;
    json["sentence_loss"] = r.sentence_loss;
    json["sentence_accuracy"] = r.sentence_accuracy;
  }
  std::vector<std::string> not_finite;
  for (const auto& [key, value] : json.items()) {
    if (value.is_number_float() && !std::isfinite(value.get<double>())) not_finite.push_back(key);
  }
  if (!not_finite.empty()) json["non_finite"] = not_finite;  // JSON has no such numbers: they are null
  return json.dump();
}

}  // namespace phalanx
