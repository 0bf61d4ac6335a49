// The sample order of a run.
#include "data/sampler.h"

#include <cmath>

#include "core/check.h"
#include "core/random.h"
#include "data/feistel.h"

namespace phalanx::data {

Sampler::Sampler(std::uint64_t seed, const std::vector<SamplerSource>& sources) : seed_(seed) {
  if (sources.empty()) throw UsageError("data.train names no source");
  ENSURE(sources.size() <= 65536, "data.train names ", sources.size(), " sources");  // 16 bits of the random key
  double sum = 0;
  for (const SamplerSource& source : sources) {
    if (!(source.weight > 0) || !std::isfinite(source.weight)) {
      throw UsageError(str("data.train: weight must be positive, found ", source.weight));
    }
    ENSURE(source.windows > 0, "a source without windows");
    sum += source.weight;
  }
  double before = 0;
  for (const SamplerSource& source : sources) {
    if (source.weight < kMinShare * sum) {
      throw UsageError(str("data.train: weight ", source.weight, " is less than ", kMinShare, " of the sum ", sum,
                           "; merge small sources or raise it"));
    }
    before += source.weight;
    shares_.push_back(before / sum);
    windows_.push_back(source.windows);
  }
  shares_.back() = 1;
}

// Positions of the first `sources` sources before block `block`: C_(sources-1)(block).
std::int64_t Sampler::cumulative(std::size_t sources, std::int64_t block) const {
  if (sources == 0) return 0;
  return static_cast<std::int64_t>(std::floor(static_cast<double>(kBlock * block) * shares_[sources - 1]));
}

Sample Sampler::at(std::int64_t position) const {
  ENSURE(position >= 0 && position < (std::int64_t{1} << 40), "position ", position, " of a run");
  const std::int64_t block = position / kBlock;
  const RandomKey block_key{seed_, Purpose::source_order, 0, static_cast<std::uint64_t>(block)};
  const auto slot =
      static_cast<std::int64_t>(Permutation(block_key, kBlock)(static_cast<std::uint64_t>(position % kBlock)));
  std::size_t source = 0;  // the slots of a block are dealt to the sources one after the other
  while (slot >= cumulative(source + 1, block + 1) - cumulative(source + 1, block)) ++source;
  // Visits before this block, and slots of this source before this one.
  const std::int64_t visits = cumulative(source + 1, block) - cumulative(source, block);
  const std::int64_t first_slot = cumulative(source, block + 1) - cumulative(source, block);
  const std::int64_t n = visits + slot - first_slot;
  const std::int64_t epoch = n / windows_[source];
  const RandomKey epoch_key{seed_, Purpose::sample_order, static_cast<std::uint16_t>(source),
                            static_cast<std::uint64_t>(epoch)};
  const Permutation order(epoch_key, static_cast<std::uint64_t>(windows_[source]));
  return {source, static_cast<std::int64_t>(order(static_cast<std::uint64_t>(n % windows_[source]))), epoch};
}

}  // namespace phalanx::data
