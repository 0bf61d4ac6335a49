// SharedArea: two areas of memory per rank that all ranks of a host can read, and the step that lets them take turns.
//
//   write mine(), step(), read of(peer): what peers wrote before the same step. Write mine() again, ...
//
// One step orders it all, because mine() alternates between two areas: who has arrived at step k has read everything of
// step k - 1, so after step k the area of step k - 1 is free to be written.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "parallel/shared_memory.h"

namespace phalanx {

class SharedArea {
 public:
  // Collective over `node`. Null on every rank when its ranks cannot map each other's memory, or there is none.
  static std::unique_ptr<SharedArea> make(MPI_Comm node, std::int64_t bytes);
  [[nodiscard]] std::byte* mine() const { return area(rank_, steps_ + 1); }
  [[nodiscard]] const std::byte* of(int peer) const { return area(peer, steps_); }
  // Returns when every rank has called it as often as this one.
  void step();

 private:
  SharedArea(MPI_Comm node, int rank, std::int64_t bytes, std::vector<SharedMemory> memory);
  [[nodiscard]] std::byte* base(int rank) const { return memory_[static_cast<std::size_t>(rank)].data(); }
  [[nodiscard]] std::byte* area(int rank, std::uint64_t step) const;
  void wait_for(int peer) const;

  MPI_Comm node_;
  int rank_;
  std::int64_t bytes_;
  std::uint64_t steps_ = 0;
  std::vector<SharedMemory> memory_;  // of every rank: a line with its step counter, then its two areas
};

}  // namespace phalanx
