#include "trainer/checkpoint/owned_digest.h"

#include <algorithm>

#include "model/ops/digest.h"
#include "model/ops/op_table.h"
#include "parallel/shard_index.h"

namespace phalanx::checkpoint {

void digest_piece(const ops::Exec& exec, const Tensor& out, const ParamSpec& spec, const OwnedPiece& piece,
                  const Tensor& own) {
  const ShardGeometry g = shard_geometry(spec, piece.shard, piece.shard_count);
  const std::int64_t count = std::clamp<std::int64_t>(g.true_elements() - piece.begin, 0, piece.count);
  ops::digest(exec, out, own.slice(piece.own_offset, count),
              {.begin = piece.begin, .block = g.block, .stride = g.global_block, .offset = g.shard_offset});
}

StateDigest digest_of_owned(const OwnedState& state) {
  StateDigest share;
  if (!state.writes) return share;
  Arena nothing("none", Device{}, 0);
  const ops::Exec exec{Device{}, {}, &nothing, &ops::cpu_op_table()};
  for (const OwnedPiece& piece : state.layout->owned_pieces(state.part, state.tensor_rank)) {
    if (!piece.primary) continue;
    const ParamSpec& spec = state.layout->table()[static_cast<std::size_t>(piece.spec)];
    const auto part = [&](const Tensor& own) -> std::uint64_t {
      if (!own.defined()) return 0;
      std::int64_t sum = 0;
      digest_piece(exec, host_tensor(&sum, {1}), spec, piece, own);
      return digest_factor(spec.name) * static_cast<std::uint64_t>(sum);
    };
    share.master += part(state.master);
    share.m += part(state.m);
    share.v += part(state.v);
  }
  return share;
}

StateDigest sum_over_ranks(const StateDigest& share, Communicator& world) {
  std::int64_t sums[3] = {static_cast<std::int64_t>(share.master), static_cast<std::int64_t>(share.m),
                          static_cast<std::int64_t>(share.v)};
  world.all_reduce(host_tensor(sums, {3}), Reduce::sum, {});  // integers wrap around
  return {static_cast<std::uint64_t>(sums[0]), static_cast<std::uint64_t>(sums[1]),
          static_cast<std::uint64_t>(sums[2])};
}

}  // namespace phalanx::checkpoint
