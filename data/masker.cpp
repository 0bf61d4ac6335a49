#include "data/masker.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/check.h"
#include "core/random.h"

namespace phalanx::data {
namespace {

std::uint64_t threshold(double share) { return static_cast<std::uint64_t>(std::llround(share * 4294967296.0)); }

}  // namespace

Masker::Masker(const MaskedLm& objective, std::uint64_t seed)
    : objective_(objective),
      seed_(seed),
      mask_below_(threshold(objective.mask_token)),
      random_below_(threshold(objective.mask_token + objective.random_token)) {
  const std::vector<bool>& is_special = objective_.vocabulary.is_special;
  for (std::size_t id = 0; id < is_special.size(); ++id) {
    if (!is_special[id]) ordinary_.push_back(static_cast<std::int32_t>(id));
  }
  ENSURE(!ordinary_.empty(), "all ", is_special.size(), " ids are special");
  double sum = 0;
  for (int n = 1; n <= objective_.span; ++n) run_shares_.push_back(sum += 1.0 / n);
  for (double& share : run_shares_) share /= sum;
}

// Tokens that may be hidden, cut into units; returns how many tokens there are.
std::size_t Masker::find_units(const RandomKey& key, std::span<const std::int32_t> tokens) {
  units_.clear();
  std::size_t count = 0;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const auto id = static_cast<std::size_t>(tokens[t]);
    if (objective_.vocabulary.is_special[id]) continue;
    ++count;
    const bool continues = objective_.whole_word && objective_.vocabulary.continues_word[id];
    if (continues && !units_.empty() && units_.back().end == t) {
      units_.back().end = t + 1;
      continue;
    }
    units_.push_back({random_u64(key, 2 * t), t, t + 1});
  }
  return count;
}

// How many units a run that begins at `token` has, at most.
std::size_t Masker::run_length(const RandomKey& key, std::size_t token) const {
  if (objective_.span == 1) return 1;
  const double share = random_block(key, kSpanBlock + token)[0] * 0x1.0p-32;
  return static_cast<std::size_t>(std::ranges::upper_bound(run_shares_, share) - run_shares_.begin()) + 1;
}

void Masker::choose(const RandomKey& key, std::size_t wanted) {
  order_.resize(units_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::ranges::sort(order_, [&](std::size_t a, std::size_t b) {
    return units_[a].order != units_[b].order ? units_[a].order < units_[b].order : a < b;
  });
  is_taken_.assign(units_.size(), false);
  chosen_.clear();
  for (const std::size_t first : order_) {
    if (chosen_.size() == wanted) break;
    const std::size_t end = std::min(units_.size(), first + run_length(key, units_[first].begin));
    for (std::size_t u = first; u < end && !is_taken_[u]; ++u) {
      const bool is_apart = u > first && units_[u].begin != units_[u - 1].end;  // a special token lies between
      if (is_apart || units_[u].end - units_[u].begin > wanted - chosen_.size()) break;
      is_taken_[u] = true;
      for (std::size_t t = units_[u].begin; t < units_[u].end; ++t) chosen_.push_back(t);
    }
  }
  std::ranges::sort(chosen_);
}

// What stands at a token that is predicted.
std::int32_t Masker::hidden(const RandomKey& key, std::size_t token, std::int32_t id) const {
  const Random4 random = random_block(key, token);
  if (random[2] < mask_below_) return objective_.vocabulary.mask;
  if (random[2] >= random_below_) return id;
  return ordinary_[static_cast<std::size_t>(std::uint64_t{random[3]} * ordinary_.size() >> 32)];
}

std::int64_t Masker::mask(std::uint64_t ordinal, std::span<std::int32_t> tokens, std::int32_t first_slot,
                          std::span<std::int32_t> targets, std::span<std::int32_t> slots) {
  const RandomKey key{seed_, Purpose::masking, 0, ordinal};
  const std::size_t count = find_units(key, tokens);
  const double share = objective_.mask_probability * static_cast<double>(count);
  const std::size_t wanted = count == 0 ? 0 : std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share)));
  choose(key, std::min(wanted, targets.size()));
  std::ranges::fill(targets, Batch::kIgnore);
  std::ranges::fill(slots, first_slot);
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const std::size_t t = chosen_[i];
    targets[i] = tokens[t];
    slots[i] = first_slot + static_cast<std::int32_t>(t);
    tokens[t] = hidden(key, t, tokens[t]);
  }
  return static_cast<std::int64_t>(chosen_.size());
}

}  // namespace phalanx::data
