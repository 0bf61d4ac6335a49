#include "trainer/held_state.h"

#include "core/check.h"
#include "core/device.h"
#include "model/ops/digest.h"
#include "trainer/checkpoint/owned_digest.h"

namespace phalanx {

const char* name_of(StateKind kind) {
  switch (kind) {
    case StateKind::weights: return "weights";
    case StateKind::master: return "master weights";
    case StateKind::m: return "first moments";
    case StateKind::v: return "second moments";
  }
  FAIL_WITH("unknown kind of state ", static_cast<int>(kind));
}

std::vector<HeldTensor> digest_held_state(Replica& replica) {
  const ops::Exec exec = replica.context().exec;
  const ParamLayout& layout = replica.layout();
  const OptimizerState& state = replica.optimizer();
  const Ownership& ownership = replica.ownership();
  const Tensor& weights = replica.parameters().flat_weights();
  const ParamTable& table = layout.table();
  const auto whole_on_every_rank = [&](int spec) { return table[static_cast<std::size_t>(spec)].split == Split::none; };
  std::vector<HeldTensor> held;
  const auto next_digest = [&] { return replica.digests().slice(static_cast<std::int64_t>(held.size()), 1); };
  const bool masters_are_weights = state.master().data == weights.data;
  for (int spec = 0; !masters_are_weights && spec < static_cast<int>(table.size()); ++spec) {
    const LocalParam& local = layout.param(spec);
    ops::digest(exec, next_digest(), weights.slice(local.offset, local.count), {});
    held.push_back(
        {.kind = StateKind::weights, .spec = spec, .copies = whole_on_every_rank(spec) ? Copies::world : Copies::data});
  }
  const auto add_pieces = [&](StateKind kind, const Tensor& own) {
    if (!own.defined()) return;
    for (const OwnedPiece& piece : state.pieces()) {
      const Copies copies = whole_on_every_rank(piece.spec) ? Copies::world : Copies::data;
      checkpoint::digest_piece(exec, next_digest(), table[static_cast<std::size_t>(piece.spec)], piece, own);
      held.push_back({.kind = kind,
                      .spec = piece.spec,
                      .copies = ownership.parts == 1 ? copies : Copies::none,
                      .counts = ownership.counts && piece.primary});
    }
  };
  add_pieces(StateKind::master, state.master());
  add_pieces(StateKind::m, state.m());
  add_pieces(StateKind::v, state.v());
  const std::vector<std::int64_t> digests = to_host<std::int64_t>(replica.digests(), exec.stream);
  for (std::size_t i = 0; i < held.size(); ++i) held[i].digest = static_cast<std::uint64_t>(digests[i]);
  return held;
}

StateDigest sum_digests(const std::vector<HeldTensor>& held, const ParamTable& table, Communicator& world) {
  std::uint64_t sums[3] = {};
  for (const HeldTensor& tensor : held) {
    if (!tensor.counts) continue;
    const std::string& name = table[static_cast<std::size_t>(tensor.spec)].name;
    sums[static_cast<int>(tensor.kind) - 1] += digest_factor(name) * tensor.digest;
  }
  return checkpoint::sum_over_ranks({sums[0], sums[1], sums[2]}, world);
}

}  // namespace phalanx
