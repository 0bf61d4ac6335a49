// checkpoint::load: from the pieces of any layout to the pieces of any other, through global element runs.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/check.h"
#include "parallel/shard_index.h"
#include "trainer/checkpoint/checkpoint.h"

namespace phalanx::checkpoint {
namespace {

constexpr std::int64_t kFloatBytes = sizeof(float);

// Elements of this rank that are contiguous in the global tensor and in its own part.
struct Wanted {
  std::int64_t global_begin = 0;
  std::int64_t count = 0;
  std::int64_t own_offset = 0;
};

// `count` elements of a stored piece, from its element `from`, go to the rank's own part at `to`.
struct Move {
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t count = 0;
};

// Index in `layout`'s table of every tensor of the checkpoint.
std::vector<int> match_tables(const Manifest& manifest, const ParamLayout& layout) {
  std::unordered_map<std::string, int> specs;
  for (std::size_t s = 0; s < layout.table().size(); ++s) specs[layout.table()[s].name] = static_cast<int>(s);
  std::vector<int> matched;
  for (const ParamSpec& stored : manifest.table) {
    const auto found = specs.find(stored.name);
    if (found == specs.end()) {
      throw Error(str(manifest.folder, " holds ", stored.name, " ", to_string(stored.shape),
                      ", which the model does not have"));
    }
    const ParamSpec& spec = layout.table()[static_cast<std::size_t>(found->second)];
    if (spec.shape != stored.shape) {
      throw Error(str(manifest.folder, ": ", stored.name, " is ", to_string(stored.shape), ", the model's is ",
                      to_string(spec.shape)));
    }
    matched.push_back(found->second);
    specs.erase(found);
  }
  for (const ParamSpec& spec : layout.table()) {
    if (specs.contains(spec.name)) {
      throw Error(
          str(manifest.folder, " does not hold ", spec.name, " ", to_string(spec.shape), ", which the model has"));
    }
  }
  return matched;
}

// By spec: what this rank owns of it, sorted by place in the global tensor; padding left out.
std::vector<std::vector<Wanted>> wanted_by_spec(const OwnedState& state) {
  const ParamTable& table = state.layout->table();
  std::vector<std::vector<Wanted>> wanted(table.size());
  for (const OwnedPiece& piece : state.layout->owned_pieces(state.part, state.tensor_rank)) {
    const auto s = static_cast<std::size_t>(piece.spec);
    for (const GlobalRun& run : global_runs(table[s], piece.shard, piece.shard_count, piece.begin, piece.count)) {
      if (run.global_begin < 0) continue;
      wanted[s].push_back({run.global_begin, run.count, piece.own_offset + run.shard_begin - piece.begin});
    }
  }
  for (std::vector<Wanted>& runs : wanted) {
    std::sort(runs.begin(), runs.end(),
              [](const Wanted& a, const Wanted& b) { return a.global_begin < b.global_begin; });
  }
  return wanted;
}

// Both lists are sorted by global place, so one pass over the overlapping part of each finds all overlaps.
std::vector<Move> moves_of(const ParamSpec& spec, int shard_count, const StoredPiece& piece,
                           const std::vector<Wanted>& wanted) {
  std::vector<Move> moves;
  if (wanted.empty()) return moves;
  const std::vector<GlobalRun> runs = global_runs(spec, piece.shard, shard_count, piece.begin, piece.count);
  auto want = std::partition_point(wanted.begin(), wanted.end(), [&](const Wanted& w) {
    return w.global_begin + w.count <= runs.front().global_begin;
  });
  for (auto run = runs.begin(); run != runs.end() && want != wanted.end();) {
    const std::int64_t run_end = run->global_begin + run->count;
    const std::int64_t want_end = want->global_begin + want->count;
    const std::int64_t begin = std::max(run->global_begin, want->global_begin);
    const std::int64_t count = std::min(run_end, want_end) - begin;
    if (count > 0) {
      moves.push_back({run->shard_begin - piece.begin + begin - run->global_begin,
                       want->own_offset + begin - want->global_begin, count});
    }
    run_end <= want_end ? static_cast<void>(++run) : static_cast<void>(++want);
  }
  return moves;
}

// Padding is stored nowhere: whatever no wanted run covers becomes zero.
void zero_gaps(const std::vector<std::vector<Wanted>>& wanted, const std::vector<Tensor>& kinds) {
  std::vector<std::pair<std::int64_t, std::int64_t>> covered;  // begin and end in the own part
  for (const std::vector<Wanted>& runs : wanted) {
    for (const Wanted& run : runs) covered.emplace_back(run.own_offset, run.own_offset + run.count);
  }
  covered.emplace_back(kinds[0].count(), kinds[0].count());
  std::sort(covered.begin(), covered.end());
  std::int64_t done = 0;
  for (const auto& [begin, end] : covered) {
    for (const Tensor& tensor : kinds) std::fill(tensor.as<float>() + done, tensor.as<float>() + begin, 0.0F);
    done = end;
  }
}

// Values are read in the order in which they lie in the file: kind by kind, piece by piece.
void load_file(const Manifest& manifest, const StoredFile& stored, const std::vector<std::vector<Move>>& moves,
               const std::vector<Tensor>& kinds) {
  VerifiedFile file(manifest.folder + "/" + stored.name, stored.checksum);
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    float* own = kinds[kind].as<float>();
    for (std::size_t p = 0; p < moves.size(); ++p) {
      for (const Move& move : moves[p]) {
        file.read(own + move.to, move.count * kFloatBytes, stored.pieces[p].offsets[kind] + move.from * kFloatBytes);
      }
    }
  }
}

std::vector<Tensor> destinations(const Manifest& manifest, Parts parts, const OwnedState& state) {
  std::vector<Tensor> kinds = {state.master};
  if (parts == Parts::weights_and_moments) {
    if (!manifest.moments) {
      throw Error(str(manifest.folder, " holds weights but no optimizer state; start from it with --init"));
    }
    kinds.insert(kinds.end(), {state.m, state.v});
  }
  for (const Tensor& tensor : kinds) {
    ENSURE(tensor.defined() && tensor.device.type == DeviceType::cpu && tensor.dtype == DType::f32 &&
               tensor.count() == state.layout->own_count(),
           "state to load: ", to_string(tensor.shape), " ", name_of(tensor.dtype), " must be (",
           state.layout->own_count(), ") fp32 in host memory");
  }
  return kinds;
}

}  // namespace

void load(const Manifest& manifest, Parts parts, const OwnedState& state) {
  const std::vector<Tensor> kinds = destinations(manifest, parts, state);
  const std::vector<int> matched = match_tables(manifest, *state.layout);
  const std::vector<std::vector<Wanted>> wanted = wanted_by_spec(state);
  zero_gaps(wanted, kinds);
  for (const StoredFile& file : manifest.files) {
    std::vector<std::vector<Move>> moves;
    bool needed = false;
    for (const StoredPiece& piece : file.pieces) {
      const auto t = static_cast<std::size_t>(piece.tensor);
      moves.push_back(
          moves_of(manifest.table[t], manifest.shard_counts[t], piece, wanted[static_cast<std::size_t>(matched[t])]));
      needed = needed || !moves.back().empty();
    }
    if (needed) load_file(manifest, file, moves, kinds);
  }
}

}  // namespace phalanx::checkpoint
