// HostLimits: where communicators on host memory change their way.
#pragma once

#include <cstdint>

namespace phalanx {

// How communicators on host memory work; sizes in bytes. Each holds about 3 chunks of memory for life.
struct HostLimits {
  std::int64_t chunk_bytes = std::int64_t{1} << 20;    // of a buffer in a sum: stays in the cache of a core
  std::int64_t direct_bytes = std::int64_t{32} << 10;  // of all ranks' buffers: up to this, every rank sums everything
  std::int64_t message_bytes = std::int64_t{1} << 30;  // of an MPI message: MPI counts in int
  bool shared_memory = true;                           // between ranks of one host, in place of messages
};

}  // namespace phalanx
