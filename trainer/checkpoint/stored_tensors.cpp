#include "trainer/checkpoint/stored_tensors.h"

#include "core/check.h"
#include "parallel/param_layout.h"
#include "parallel/shard_index.h"

namespace phalanx::checkpoint {

VerifiedFile& StoredTensors::open(const StoredFile& file) {
  if (open_ != &file) {
    open_ = nullptr;
    file_ = std::make_unique<VerifiedFile>(manifest_.folder + "/" + file.name, file.checksum);
    open_ = &file;
  }
  return *file_;
}

std::vector<float> StoredTensors::read(int tensor, std::size_t kind) {
  constexpr std::int64_t kFloatBytes = sizeof(float);
  ENSURE(kind < (manifest_.moments ? kKinds.size() : 1), manifest_.folder, " does not hold kind ", kind);
  const auto t = static_cast<std::size_t>(tensor);
  const ParamSpec& spec = manifest_.table[t];
  std::vector<float> values(static_cast<std::size_t>(spec.shape.count()));
  for (const StoredFile& stored : manifest_.files) {
    for (const StoredPiece& piece : stored.pieces) {
      if (piece.tensor != tensor) continue;
      VerifiedFile& file = open(stored);
      for (const GlobalRun& run : global_runs(spec, piece.shard, manifest_.shard_counts[t], piece.begin, piece.count)) {
        file.read(values.data() + run.global_begin, run.count * kFloatBytes,
                  piece.offsets[kind] + (run.shard_begin - piece.begin) * kFloatBytes);
      }
    }
  }
  return values;
}

}  // namespace phalanx::checkpoint
