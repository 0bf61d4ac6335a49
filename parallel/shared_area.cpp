#include "parallel/shared_area.h"

#include <sched.h>

#include <atomic>
#include <cstring>

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

}  // namespace

std::unique_ptr<SharedArea> SharedArea::make(MPI_Comm node, std::int64_t bytes) {
  const std::int64_t rounded = (bytes + kLine - 1) / kLine * kLine;
  void* mine = nullptr;
  MPI_Win window = MPI_WIN_NULL;
  const int code = MPI_Win_allocate_shared(2 * rounded + 2 * kLine, 1, MPI_INFO_NULL, node, &mine, &window);
  if (!all_agree(node, code == MPI_SUCCESS)) {
    if (code == MPI_SUCCESS) MPI_OK(MPI_Win_free(&window));
    return nullptr;
  }
  return std::unique_ptr<SharedArea>(new SharedArea(node, window, rounded));
}

SharedArea::SharedArea(MPI_Comm node, MPI_Win window, std::int64_t bytes)
    : node_(node), window_(window), bytes_(bytes) {
  int size = 0;
  MPI_OK(MPI_Comm_rank(node, &rank_));
  MPI_OK(MPI_Comm_size(node, &size));
  for (int rank = 0; rank < size; ++rank) {
    MPI_Aint length = 0;
    int unit = 0;
    void* base = nullptr;
    MPI_OK(MPI_Win_shared_query(window, rank, &length, &unit, &base));
    const auto past_line = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(base) % kLine);
    base_.push_back(static_cast<std::byte*>(base) + (kLine - past_line) % kLine);
  }
  MPI_OK(MPI_Win_lock_all(MPI_MODE_NOCHECK, window));
  std::memset(base_[static_cast<std::size_t>(rank_)], 0, static_cast<std::size_t>(kLine + 2 * bytes));
  MPI_OK(MPI_Win_sync(window));
  MPI_OK(MPI_Barrier(node));
}

SharedArea::~SharedArea() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized != 0) return;
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

std::byte* SharedArea::area(int rank, std::uint64_t step) const {
  return base_[static_cast<std::size_t>(rank)] + kLine + static_cast<std::int64_t>(step % 2) * bytes_;
}

void SharedArea::step() {
  ++steps_;
  counter(base_[static_cast<std::size_t>(rank_)]).store(steps_, std::memory_order_release);
  for (int peer = 0; peer < static_cast<int>(base_.size()); ++peer) wait_for(peer);
}

void SharedArea::wait_for(int peer) const {
  const auto arrived = [this, c = counter(base_[static_cast<std::size_t>(peer)])] {
    return c.load(std::memory_order_acquire) >= steps_;
  };
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
