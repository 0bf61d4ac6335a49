// How a large buffer is summed (a small one everybody sends to everybody):
//
//   the buffer is cut into chunks, each chunk into one part per rank
//   scatter   rank r receives everybody's r-th part into its staging buffer
//   combine   and sums them in rank order: only r ever computes these bits
//   gather    then everybody receives the sum of part r from r
//
// A chunk is gathered while the next one is scattered, so that ranks wait once per chunk.
#include "parallel/comm_mpi.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "core/arena.h"
#include "parallel/chunk.h"
#include "parallel/combine.h"
#include "parallel/comm_checks.h"
#include "parallel/mpi_check.h"
#include "parallel/usage_meter.h"

namespace phalanx {
namespace {

using Operation = UsageMeter::Operation;

constexpr int kTag = 1;

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(MPI_Comm comm, std::string name, const HostLimits& limits);
  ~MpiCommunicator() override;

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  [[nodiscard]] std::string name() const override { return name_; }

  void all_reduce(const Tensor& buffer, Reduce op, const Stream& stream) override;
  void reduce_scatter(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void all_gather(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void sum_tree(const Tensor& out, const Tensor& partials, const Stream& stream) override;
  void broadcast(const Tensor& buffer, int root, const Stream& stream) override;
  void barrier() override;
  [[nodiscard]] std::vector<Usage> usage() const override { return usage_.totals(); }

 private:
  // f(peer) for every other rank, beginning with the next one, so that not everybody talks to rank 0 first.
  template <class F>
  void for_each_peer(F&& f) const {
    for (int step = 1; step < size_; ++step) f((rank_ + step) % size_);
  }
  void post_send(const std::byte* data, std::int64_t bytes, int peer);
  void post_receive(std::byte* data, std::int64_t bytes, int peer);
  void wait();

  // Both end with the combination of all ranks' buffers in `data`, on every rank.
  void combine_direct(Combine how, DType dtype, std::byte* data, std::int64_t count);
  void combine_in_parts(Combine how, DType dtype, std::byte* data, std::int64_t count);
  void combine_everywhere(Combine how, const Tensor& buffer);
  // parts_ of `own` (this rank's) and what lies in the staging buffer, in rank order.
  std::span<const std::byte* const> parts_with(const std::byte* own);
  [[nodiscard]] std::byte* staged(int peer) const { return staging_.data + peer * part_bytes_; }

  MPI_Comm comm_;
  int rank_ = 0;
  int size_ = 1;
  std::string name_;
  HostLimits limits_;
  std::int64_t part_bytes_ = 0;  // of one rank's part of a chunk
  Arena arena_;
  Tensor staging_;  // (size, part_bytes) uint8
  std::vector<const std::byte*> parts_;
  std::vector<MPI_Request> requests_;
  UsageMeter usage_;
};

MpiCommunicator::MpiCommunicator(MPI_Comm comm, std::string name, const HostLimits& limits)
    : comm_(comm),
      rank_([comm] {
        int rank = 0;
        MPI_OK(MPI_Comm_rank(comm, &rank));
        return rank;
      }()),
      size_([comm] {
        int size = 1;
        MPI_OK(MPI_Comm_size(comm, &size));
        return size;
      }()),
      name_(std::move(name)),
      limits_(limits),
      part_bytes_(part_bytes_of(std::max(limits.chunk_bytes, limits.direct_bytes), size_)),
      arena_("communication", Device{}, size_ * part_bytes_ + Arena::kAlignment),
      staging_(arena_.take({size_, part_bytes_}, DType::u8)),
      parts_(static_cast<std::size_t>(size_)) {
  requests_.reserve(static_cast<std::size_t>(size_) * 4);
}

MpiCommunicator::~MpiCommunicator() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0) MPI_Comm_free(&comm_);
}

// Messages -----------------------------------------------------------------------------------------------------------

void MpiCommunicator::post_send(const std::byte* data, std::int64_t bytes, int peer) {
  for (std::int64_t begin = 0; begin < bytes; begin += limits_.message_bytes) {
    const auto n = static_cast<int>(std::min(limits_.message_bytes, bytes - begin));
    requests_.push_back(MPI_REQUEST_NULL);
    MPI_OK(MPI_Isend(data + begin, n, MPI_BYTE, peer, kTag, comm_, &requests_.back()));
  }
}

void MpiCommunicator::post_receive(std::byte* data, std::int64_t bytes, int peer) {
  for (std::int64_t begin = 0; begin < bytes; begin += limits_.message_bytes) {
    const auto n = static_cast<int>(std::min(limits_.message_bytes, bytes - begin));
    requests_.push_back(MPI_REQUEST_NULL);
    MPI_OK(MPI_Irecv(data + begin, n, MPI_BYTE, peer, kTag, comm_, &requests_.back()));
  }
}

void MpiCommunicator::wait() {
  MPI_OK(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE));
  requests_.clear();
}

std::span<const std::byte* const> MpiCommunicator::parts_with(const std::byte* own) {
  for (int peer = 0; peer < size_; ++peer) parts_[static_cast<std::size_t>(peer)] = staged(peer);
  parts_[static_cast<std::size_t>(rank_)] = own;
  return parts_;
}

// Sums ---------------------------------------------------------------------------------------------------------------

void MpiCommunicator::combine_direct(Combine how, DType dtype, std::byte* data, std::int64_t count) {
  const std::int64_t bytes = count * bytes_of(dtype);
  for_each_peer([&](int peer) { post_receive(staged(peer), bytes, peer); });
  for_each_peer([&](int peer) { post_send(data, bytes, peer); });
  wait();
  combine(how, dtype, data, parts_with(data), count);
}

void MpiCommunicator::combine_in_parts(Combine how, DType dtype, std::byte* data, std::int64_t count) {
  const std::int64_t element = bytes_of(dtype);
  const Chunking chunks(dtype, count, size_, part_bytes_);
  const auto post_scatter = [&](const Chunk& c) {
    for_each_peer([&](int peer) { post_receive(staged(peer), c.count(rank_) * element, peer); });
    for_each_peer([&](int peer) { post_send(data + c.at(peer) * element, c.count(peer) * element, peer); });
  };
  const auto post_gather = [&](const Chunk& c) {
    for_each_peer([&](int peer) { post_receive(data + c.at(peer) * element, c.count(peer) * element, peer); });
    for_each_peer([&](int peer) { post_send(data + c.at(rank_) * element, c.count(rank_) * element, peer); });
  };
  post_scatter(chunks[0]);
  for (std::int64_t i = 0; i < chunks.chunks(); ++i) {
    wait();
    const Chunk c = chunks[i];
    std::byte* own = data + c.at(rank_) * element;
    combine(how, dtype, own, parts_with(own), c.count(rank_));
    post_gather(c);
    if (i + 1 < chunks.chunks()) post_scatter(chunks[i + 1]);
  }
  wait();
}

void MpiCommunicator::combine_everywhere(Combine how, const Tensor& buffer) {
  if (buffer.count() == 0) return;
  if (buffer.bytes() <= std::min(limits_.direct_bytes / size_, part_bytes_)) {
    combine_direct(how, buffer.dtype, buffer.data, buffer.count());
  } else {
    combine_in_parts(how, buffer.dtype, buffer.data, buffer.count());
  }
}

void MpiCommunicator::all_reduce(const Tensor& buffer, Reduce op, const Stream& /*stream*/) {
  check_host_buffer(*this, "all_reduce", buffer);
  const UsageMeter::Timer timer(usage_, Operation::all_reduce, buffer.bytes());
  combine_everywhere(combine_of(op), buffer);
}

void MpiCommunicator::sum_tree(const Tensor& out, const Tensor& partials, const Stream& /*stream*/) {
  check_sum_tree(*this, out, partials);
  check_host_buffer(*this, "sum_tree", out);
  const UsageMeter::Timer timer(usage_, Operation::sum_tree, partials.bytes());
  sum_local_tree(out, partials);
  combine_everywhere(Combine::tree, out);
}

void MpiCommunicator::reduce_scatter(const Tensor& out, const Tensor& in, const Stream& /*stream*/) {
  check_reduce_scatter(*this, out, in);
  check_host_buffer(*this, "reduce_scatter", in);
  const UsageMeter::Timer timer(usage_, Operation::reduce_scatter, in.bytes());
  const std::int64_t element = bytes_of(in.dtype);
  const std::int64_t chunk = part_bytes_ / element;
  for (std::int64_t begin = 0; begin < out.count(); begin += chunk) {
    const std::int64_t n = std::min(chunk, out.count() - begin);
    const auto part = [&](int rank) { return in.data + (rank * out.count() + begin) * element; };
    for_each_peer([&](int peer) { post_receive(staged(peer), n * element, peer); });
    for_each_peer([&](int peer) { post_send(part(peer), n * element, peer); });
    wait();
    combine(Combine::sum, in.dtype, out.data + begin * element, parts_with(part(rank_)), n);
  }
}

// Moves --------------------------------------------------------------------------------------------------------------

void MpiCommunicator::all_gather(const Tensor& out, const Tensor& in, const Stream& stream) {
  check_all_gather(*this, out, in);
  check_host_buffer(*this, "all_gather", out);
  const UsageMeter::Timer timer(usage_, Operation::all_gather, out.bytes());
  const std::int64_t bytes = in.bytes();
  for_each_peer([&](int peer) { post_receive(out.data + peer * bytes, bytes, peer); });
  for_each_peer([&](int peer) { post_send(in.data, bytes, peer); });
  const Tensor own = out.flat().slice(rank_ * in.count(), in.count());
  if (own.data != in.data) copy(own, in.flat(), stream);
  wait();
}

void MpiCommunicator::all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) {
  check_all_to_all(*this, out, in);
  check_host_buffer(*this, "all_to_all", out);
  const UsageMeter::Timer timer(usage_, Operation::all_to_all, in.bytes());
  const std::int64_t count = in.count() / size_;
  const std::int64_t bytes = count * bytes_of(in.dtype);
  for_each_peer([&](int peer) { post_receive(out.data + peer * bytes, bytes, peer); });
  for_each_peer([&](int peer) { post_send(in.data + peer * bytes, bytes, peer); });
  copy(out.flat().slice(rank_ * count, count), in.flat().slice(rank_ * count, count), stream);
  wait();
}

void MpiCommunicator::broadcast(const Tensor& buffer, int root, const Stream& /*stream*/) {
  check_host_buffer(*this, "broadcast", buffer);
  check_root(*this, root);
  const UsageMeter::Timer timer(usage_, Operation::broadcast, buffer.bytes());
  for (std::int64_t begin = 0; begin < buffer.bytes(); begin += limits_.message_bytes) {
    const auto n = static_cast<int>(std::min(limits_.message_bytes, buffer.bytes() - begin));
    MPI_OK(MPI_Bcast(buffer.data + begin, n, MPI_BYTE, root, comm_));
  }
}

void MpiCommunicator::barrier() {
  const UsageMeter::Timer timer(usage_, Operation::barrier, 0);
  MPI_OK(MPI_Barrier(comm_));
}

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm comm, std::string name, const HostLimits& limits) {
  return std::make_unique<MpiCommunicator>(comm, std::move(name), limits);
}

}  // namespace phalanx
