#include "trainer/hf/proof_inputs.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/random.h"
#include "data/window.h"

namespace phalanx::hf {
namespace {

// Token `index` of sequence `s`; never `pad`, unless there is no other.
std::int32_t token(std::int64_t s, std::int64_t index, std::int64_t V, std::int32_t pad) {
  const RandomKey key{
      .seed = 0, .purpose = Purpose::benchmark_tokens, .layer = 0, .position = static_cast<std::uint64_t>(s)};
  const std::uint64_t bits = random_u64(key, static_cast<std::uint64_t>(index));
  const auto drawn = static_cast<std::int32_t>(bits % static_cast<std::uint64_t>(V));
  return drawn == pad ? static_cast<std::int32_t>((drawn + 1) % V) : drawn;
}

}  // namespace

ProofInputs::ProofInputs(const config::Config& config, const SpecialIds& ids)
    : masked(config.objective.type == "masked_lm"), T(std::min(config.model.context, kLongest)) {
  if (masked) {
    add_masked(config, static_cast<std::int32_t>(ids.pad.value_or(-1)));
  } else {
    add_causal(config.model.vocabulary.value);
  }
}

void ProofInputs::add_causal(std::int64_t V) {
  for (std::int64_t s = 0; s < kSequences; ++s) {
    Batch batch;
    batch.resize(1, static_cast<int>(T));
    for (std::int64_t t = 0; t < T; ++t) {
      batch.tokens[static_cast<std::size_t>(t)] = token(s, t, V, -1);
      batch.targets[static_cast<std::size_t>(t)] = token(s, t + 1, V, -1);
    }
    data::set_document(batch, 0, 0, T);
    batch.sequences = {s};
    batch.predicted = T;
    batches.push_back(std::move(batch));
  }
  std::set<std::int32_t> chosen{0};
  for (const std::int64_t quarter : {1, 2, 3, 4}) {
    chosen.insert(static_cast<std::int32_t>(std::max<std::int64_t>(T * quarter / 4, 1) - 1));
  }
  positions.assign(chosen.begin(), chosen.end());
}

void ProofInputs::add_masked(const config::Config& config, std::int32_t pad) {
  const std::int64_t V = config.model.vocabulary.value;
  for (std::int64_t s = 0; s < kSequences; ++s) {
    const std::int64_t length = std::max<std::int64_t>(T - s * T / 10, 1);
    Batch batch;
    batch.resize({.B = 1, .T = static_cast<int>(T), .P = kPredictions, .pairs = config.objective.next_sentence});
    std::fill(batch.tokens.begin(), batch.tokens.end(), std::max(pad, 0));
    for (std::int64_t t = 0; t < length; ++t) batch.tokens[static_cast<std::size_t>(t)] = token(s, t, V, pad);
    data::set_document(batch, 0, 0, length);
    if (length < T) data::set_document(batch, 0, length, T);
    for (std::int64_t p = 0; p < kPredictions; ++p) {
      const auto i = static_cast<std::size_t>(p);
      batch.slots[i] = static_cast<std::int32_t>(p * (length - 1) / (kPredictions - 1));
      batch.targets[i] = token(s, T + p, V, pad);
    }
    positions.insert(positions.end(), batch.slots.begin(), batch.slots.end());
    if (config.model.token_types.value > 1) {
      batch.token_types.assign(static_cast<std::size_t>(T), 0);
      std::fill(batch.token_types.begin() + (length + 1) / 2, batch.token_types.begin() + length, 1);
    }
    if (config.objective.next_sentence) batch.next_sentence = {static_cast<std::int32_t>(s % 2)};
    batch.sequences = {s};
    batch.predicted = kPredictions;
    batches.push_back(std::move(batch));
  }
}

}  // namespace phalanx::hf
