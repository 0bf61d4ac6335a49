// Grid: world rank <-> (data, tensor). The tensor axis varies fastest, so tensor peers share a node.
#pragma once

namespace phalanx {

struct Coord {
  int data = 0;
  int tensor = 0;
};

struct Grid {
  int data = 1;    // size of the data axis
  int tensor = 1;  // size of the tensor axis
  [[nodiscard]] constexpr int world_size() const { return data * tensor; }
  [[nodiscard]] constexpr Coord coord(int world_rank) const { return {world_rank / tensor, world_rank % tensor}; }
  [[nodiscard]] constexpr int world_rank(Coord c) const { return c.data * tensor + c.tensor; }
};
static_assert(Grid{2, 4}.coord(5).data == 1 && Grid{2, 4}.coord(5).tensor == 1);
static_assert(Grid{2, 4}.world_rank({1, 1}) == 5);

// The virtual tensor shards of one rank: `count` of `total`, from `begin`. In the default mode every rank holds one
// (total = tensor axis). Products run shard by shard and sums over shards follow one fixed tree, so that a fixed
// `total` gives the same arithmetic on any number of ranks.
struct TensorShards {
  int total = 1;
  int begin = 0;
  int count = 1;
};

}  // namespace phalanx
