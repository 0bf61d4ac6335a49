#include "parallel/shared_area.h"

#include <sched.h>

#include <atomic>
#include <optional>
#include <utility>

#include "parallel/mpi_check.h"

namespace phalanx {
namespace {

constexpr std::int64_t kLine = 64;
constexpr int kSpins = 500;  // about 20 us; after that there is more to gain from letting others run

std::atomic_ref<std::uint64_t> counter(std::byte* base) {
  return std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(base));
}

bool all_agree(MPI_Comm comm, bool mine) {
  int agreed = mine ? 1 : 0;
  MPI_OK(MPI_Allreduce(MPI_IN_PLACE, &agreed, 1, MPI_INT, MPI_MIN, comm));
  return agreed == 1;
}

// Maps the memory of every rank, in rank order; fewer when one cannot be reached.
std::vector<SharedMemory> map_all(MPI_Comm node, int rank, SharedMemory mine, std::int64_t bytes) {
  int size = 0;
  MPI_OK(MPI_Comm_size(node, &size));
  std::vector<SharedMemory::Handle> handles(static_cast<std::size_t>(size));
  handles[static_cast<std::size_t>(rank)] = mine.handle();
  MPI_OK(MPI_Allgather(MPI_IN_PLACE, 0, MPI_BYTE, handles.data(), sizeof(SharedMemory::Handle), MPI_BYTE, node));
  std::vector<SharedMemory> all;
  for (int peer = 0; peer < size; ++peer) {
    if (peer == rank) {
      all.push_back(std::move(mine));  // once: NOLINT(bugprone-use-after-move)
    } else if (auto theirs = SharedMemory::open(handles[static_cast<std::size_t>(peer)], bytes)) {
      all.push_back(*std::move(theirs));
    }
  }
  return all;
}

}  // namespace

std::unique_ptr<SharedArea> SharedArea::make(MPI_Comm node, std::int64_t bytes) {
  const std::int64_t rounded = (bytes + kLine - 1) / kLine * kLine;
  const std::int64_t whole = kLine + 2 * rounded;
  int rank = 0, size = 0;
  MPI_OK(MPI_Comm_rank(node, &rank));
  MPI_OK(MPI_Comm_size(node, &size));
  std::optional<SharedMemory> mine = SharedMemory::create(whole);
  if (!all_agree(node, mine.has_value())) return nullptr;
  std::vector<SharedMemory> all = map_all(node, rank, *std::move(mine), whole);
  if (!all_agree(node, static_cast<int>(all.size()) == size)) return nullptr;  // after it, everybody has opened all
  for (SharedMemory& memory : all) memory.seal();
  return std::unique_ptr<SharedArea>(new SharedArea(node, rank, rounded, std::move(all)));
}

SharedArea::SharedArea(MPI_Comm node, int rank, std::int64_t bytes, std::vector<SharedMemory> memory)
    : node_(node), rank_(rank), bytes_(bytes), memory_(std::move(memory)) {}

std::byte* SharedArea::area(int rank, std::uint64_t step) const {
  return base(rank) + kLine + static_cast<std::int64_t>(step % 2) * bytes_;
}

void SharedArea::step() {
  ++steps_;
  counter(base(rank_)).store(steps_, std::memory_order_release);
  for (int peer = 0; peer < static_cast<int>(memory_.size()); ++peer) wait_for(peer);
}

void SharedArea::wait_for(int peer) const {
  const auto arrived = [this, c = counter(base(peer))] { return c.load(std::memory_order_acquire) >= steps_; };
  for (int spin = 0; spin < kSpins; ++spin) {
    if (arrived()) return;
    __builtin_ia32_pause();
  }
  while (!arrived()) {
    // A peer may wait in MPI for a message that this rank's MPI still holds: probing lets MPI deliver it.
    int found = 0;
    MPI_OK(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, node_, &found, MPI_STATUS_IGNORE));
    sched_yield();
  }
}

}  // namespace phalanx
