// What `phalanx evaluate` reports, and the baselines it is read against.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/batch.h"

namespace phalanx {

struct EvaluationReport {
  double loss = 0;            // token_loss + sentence_loss
  double token_loss = 0;      // nats per predicted token
  double token_accuracy = 0;  // of the predicted tokens
  double perplexity = 0;      // exp(token_loss)
  std::int64_t tokens = 0;    // predicted
  std::int64_t pairs = 0;     // of sentences, predicted; 0: there is no such objective
  double sentence_loss = 0;   // nats per pair
  double sentence_accuracy = 0;
  double uniform_loss = 0;  // log V
  double unigram_loss = 0;  // of the training tokens' frequencies, add-one; not finite when they are unknown
  double seconds = 0;
};

// Sum over the targets of -log((count + 1) / (all + V)); counts by token id, V = vocabulary.
double unigram_loss_sum(const std::vector<Batch>& batches, const std::vector<std::int64_t>& counts,
                        std::int64_t vocabulary);

std::string to_text(const EvaluationReport& report);
// A number that is not finite is null and named under "non_finite".
std::string to_json(const EvaluationReport& report);

}  // namespace phalanx
