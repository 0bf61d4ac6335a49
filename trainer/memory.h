// Memory: the arenas of one rank. Built twice by the same code: planning (measures, holds nothing) and real.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/arena.h"

namespace phalanx {

struct ArenaBytes {
  std::string name;
  std::int64_t planned = 0;  // its capacity
  std::int64_t used = 0;     // most so far

  bool operator==(const ArenaBytes&) const = default;
};

struct Memory {
  Arena weights;      // flat weights in the compute dtype, and the packed copies that products use
  Arena gradients;    // flat fp32
  Arena optimizer;    // fp32 masters and moments of this rank's own part
  Arena activations;  // of one micro-batch
  Arena workspace;    // of one op
  Arena snapshot;     // in host memory: the copy of masters and moments that a checkpoint is written from; may be empty

  static Memory planning(Device device);
  // As large as `planned` turned out to be. Throws UsageError naming the knobs when this host has not got it.
  static Memory allocate(Device device, const Memory& planned);

  [[nodiscard]] std::vector<ArenaBytes> bytes() const;  // per arena; without the snapshot where it is empty
};

// The table that rank 0 prints at start: arena, MiB, and the total.
std::string describe(const Memory& memory);

}  // namespace phalanx
