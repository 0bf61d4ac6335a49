#include "trainer/hf/stored_weights.h"

#include "core/check.h"
#include "parallel/param_layout.h"

namespace phalanx::hf {

checkpoint::VerifiedFile& StoredWeights::open(const checkpoint::StoredFile& file) {
  if (open_ != &file) {
    open_ = nullptr;
    file_ = std::make_unique<checkpoint::VerifiedFile>(manifest_.folder + "/" + file.name, file.checksum);
    open_ = &file;
  }
  return *file_;
}

std::vector<float> StoredWeights::read(int tensor) {
  constexpr std::int64_t kFloatBytes = sizeof(float);
  const auto t = static_cast<std::size_t>(tensor);
  const ParamSpec& spec = manifest_.table[t];
  std::vector<float> values(static_cast<std::size_t>(spec.shape.count()));
  for (const checkpoint::StoredFile& stored : manifest_.files) {
    for (const checkpoint::StoredPiece& piece : stored.pieces) {
      if (piece.tensor != tensor) continue;
      checkpoint::VerifiedFile& file = open(stored);
      for (const GlobalRun& run : global_runs(spec, piece.shard, manifest_.shard_counts[t], piece.begin, piece.count)) {
        file.read(values.data() + run.global_begin, run.count * kFloatBytes,
                  piece.offsets[0] + (run.shard_begin - piece.begin) * kFloatBytes);
      }
    }
  }
  return values;
}

}  // namespace phalanx::hf
