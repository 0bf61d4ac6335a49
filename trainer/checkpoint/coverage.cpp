#include "trainer/checkpoint/coverage.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/check.h"
#include "parallel/shard_index.h"

namespace phalanx::checkpoint {
namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 44;  // of a tensor; products of sizes stay far from overflow
constexpr std::int64_t kMostPadded = std::int64_t{1} << 60;
constexpr int kMostShards = 1 << 16;

void check_spec(const ParamSpec& spec, int shard_count) {
  ENSURE(spec.shape.dims() >= (spec.split == Split::heads ? 2 : 1), spec.name, " ", to_string(spec.shape),
         ": too few dims for its split");
  std::int64_t count = 1;
  for (int d = 0; d < spec.shape.dims(); ++d) {
    const std::int64_t size = spec.shape[d];
    ENSURE(size >= 1 && size <= kMostElements / count, spec.name, " ", to_string(spec.shape), ": sizes from 1 to ",
           kMostElements, " elements are possible");
    count *= size;
  }
  ENSURE(shard_count >= 1 && shard_count <= kMostShards, spec.name, ": ", shard_count, " shards");
  ENSURE(spec.split != Split::none || shard_count == 1, spec.name, " is not split but has ", shard_count, " shards");
  if (spec.vocabulary) {
    const std::int64_t padded = padded_vocabulary(spec.shape[0], shard_count);
    ENSURE(padded <= kMostPadded / (count / spec.shape[0]), spec.name, " ", to_string(spec.shape), ": too large in ",
           shard_count, " shards");
  }
  static_cast<void>(shard_shape(spec, shard_count));  // throws when the sizes do not divide
}

void check_piece(const Manifest& manifest, const StoredFile& file, const StoredPiece& piece) {
  const auto index = static_cast<std::size_t>(piece.tensor);
  ENSURE(piece.tensor >= 0 && index < manifest.table.size(), file.name, ": tensor ", piece.tensor, " of ",
         manifest.table.size());
  const ParamSpec& spec = manifest.table[index];
  const int shard_count = manifest.shard_counts[index];
  ENSURE(piece.shard >= 0 && piece.shard < shard_count, file.name, ": ", spec.name, ": shard ", piece.shard, " of ",
         shard_count);
  const std::int64_t elements = shard_geometry(spec, piece.shard, shard_count).true_elements();
  ENSURE(piece.begin >= 0 && piece.count >= 1 && piece.count <= elements && piece.begin <= elements - piece.count,
         file.name, ": ", spec.name, ": ", piece.count, " elements from ", piece.begin, " of a shard of ", elements);
  const std::int64_t bytes = piece.count * static_cast<std::int64_t>(sizeof(float));
  for (std::size_t kind = 0; kind < (manifest.moments ? kKinds.size() : 1); ++kind) {
    const std::int64_t offset = piece.offsets[kind];
    ENSURE(offset >= 0 && bytes <= file.checksum.bytes && offset <= file.checksum.bytes - bytes, file.name, ": ",
           spec.name, ": ", kKinds[kind], " ends beyond the end of the file");
  }
}

// The pieces of one tensor, sorted by shard and begin, must follow each other without gap or overlap.
void check_tiles(const ParamSpec& spec, int shard_count, std::vector<const StoredPiece*> pieces) {
  std::sort(pieces.begin(), pieces.end(), [](const StoredPiece* a, const StoredPiece* b) {
    return std::pair(a->shard, a->begin) < std::pair(b->shard, b->begin);
  });
  auto next = pieces.begin();
  for (int shard = 0; shard < shard_count; ++shard) {
    const std::int64_t elements = shard_geometry(spec, shard, shard_count).true_elements();
    if (elements == 0 && next == pieces.end()) return;  // this and all later shards are padding
    std::int64_t done = 0;
    for (; next != pieces.end() && (*next)->shard == shard; ++next) {
      ENSURE((*next)->begin == done, spec.name, ": shard ", shard, ": expected a piece at element ", done,
             ", found one at ", (*next)->begin, ((*next)->begin > done ? ": elements are missing" : ": stored twice"));
      done += (*next)->count;
    }
    ENSURE(done == elements, spec.name, ": shard ", shard, ": ", done, " of ", elements, " elements are stored");
  }
}

}  // namespace

void check_coverage(const Manifest& manifest) {
  ENSURE(manifest.shard_counts.size() == manifest.table.size(), manifest.table.size(), " tensors, ",
         manifest.shard_counts.size(), " shard counts");
  for (std::size_t t = 0; t < manifest.table.size(); ++t) check_spec(manifest.table[t], manifest.shard_counts[t]);
  std::vector<std::vector<const StoredPiece*>> pieces(manifest.table.size());
  for (const StoredFile& file : manifest.files) {
    for (const StoredPiece& piece : file.pieces) {
      check_piece(manifest, file, piece);
      pieces[static_cast<std::size_t>(piece.tensor)].push_back(&piece);
    }
  }
  for (std::size_t t = 0; t < manifest.table.size(); ++t) {
    check_tiles(manifest.table[t], manifest.shard_counts[t], std::move(pieces[t]));
  }
}

}  // namespace phalanx::checkpoint
