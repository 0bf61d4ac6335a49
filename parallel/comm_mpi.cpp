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
#include <utility>
#include <vector>

#include "core/arena.h"
#include "parallel/chunk.h"
#include "parallel/comm_checks.h"
#include "parallel/comm_host.h"
#include "parallel/mpi_check.h"

namespace phalanx {
namespace {

constexpr int kTag = 1;

class MpiCommunicator final : public HostCommunicator {
 public:
  MpiCommunicator(MPI_Comm comm, std::string name, const HostLimits& limits);

  void reduce_scatter(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void all_gather(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void broadcast(const Tensor& buffer, int root, const Stream& stream) override;
  void barrier() override;

 private:
  void post_send(const std::byte* data, std::int64_t bytes, int peer);
  void post_receive(std::byte* data, std::int64_t bytes, int peer);
  void wait();

  void combine_direct(Combine how, DType dtype, std::byte* data, std::int64_t count) override;
  void combine_in_parts(Combine how, DType dtype, std::byte* data, std::int64_t count) override;
  // `own` (this rank's) and what lies in the staging buffer.
  std::span<const std::byte* const> parts_with(const std::byte* own) {
    return in_rank_order(own, [this](int peer) { return staged(peer); });
  }
  [[nodiscard]] std::byte* staged(int peer) const { return staging_.data + peer * part_bytes_; }

  std::int64_t message_bytes_;
  std::int64_t part_bytes_;  // of one rank's part of a chunk
  Arena arena_;
  Tensor staging_;  // (size, part_bytes) uint8
  std::vector<MPI_Request> requests_;
};

MpiCommunicator::MpiCommunicator(MPI_Comm comm, std::string name, const HostLimits& limits)
    : HostCommunicator(comm, std::move(name)),
      message_bytes_(limits.message_bytes),
      part_bytes_(part_bytes_of(std::max(limits.chunk_bytes, limits.direct_bytes), size())),
      arena_("communication", Device{}, size() * part_bytes_ + Arena::kAlignment),
      staging_(arena_.take({size(), part_bytes_}, DType::u8)) {
  set_direct_bytes(std::min(limits.direct_bytes / size(), part_bytes_));
  requests_.reserve(static_cast<std::size_t>(size()) * 4);
}

// Messages -----------------------------------------------------------------------------------------------------------

void MpiCommunicator::post_send(const std::byte* data, std::int64_t bytes, int peer) {
  for (std::int64_t begin = 0; begin < bytes; begin += message_bytes_) {
    const auto n = static_cast<int>(std::min(message_bytes_, bytes - begin));
    requests_.push_back(MPI_REQUEST_NULL);
    MPI_OK(MPI_Isend(data + begin, n, MPI_BYTE, peer, kTag, comm(), &requests_.back()));
  }
}

void MpiCommunicator::post_receive(std::byte* data, std::int64_t bytes, int peer) {
  for (std::int64_t begin = 0; begin < bytes; begin += message_bytes_) {
    const auto n = static_cast<int>(std::min(message_bytes_, bytes - begin));
    requests_.push_back(MPI_REQUEST_NULL);
    MPI_OK(MPI_Irecv(data + begin, n, MPI_BYTE, peer, kTag, comm(), &requests_.back()));
  }
}

void MpiCommunicator::wait() {
  MPI_OK(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE));
  requests_.clear();
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
  const Chunking chunks(dtype, count, size(), part_bytes_);
  const auto post_scatter = [&](const Chunk& c) {
    for_each_peer([&](int peer) { post_receive(staged(peer), c.count(rank()) * element, peer); });
    for_each_peer([&](int peer) { post_send(data + c.at(peer) * element, c.count(peer) * element, peer); });
  };
  const auto post_gather = [&](const Chunk& c) {
    for_each_peer([&](int peer) { post_receive(data + c.at(peer) * element, c.count(peer) * element, peer); });
    for_each_peer([&](int peer) { post_send(data + c.at(rank()) * element, c.count(rank()) * element, peer); });
  };
  post_scatter(chunks[0]);
  for (std::int64_t i = 0; i < chunks.chunks(); ++i) {
    wait();
    const Chunk c = chunks[i];
    std::byte* own = data + c.at(rank()) * element;
    combine(how, dtype, own, parts_with(own), c.count(rank()));
    post_gather(c);
    if (i + 1 < chunks.chunks()) post_scatter(chunks[i + 1]);
  }
  wait();
}

void MpiCommunicator::reduce_scatter(const Tensor& out, const Tensor& in, const Stream& /*stream*/) {
  check_reduce_scatter(*this, out, in);
  check_host_buffer(*this, "reduce_scatter", in);
  const UsageMeter::Timer timer(meter(), Operation::reduce_scatter, in.bytes());
  const std::int64_t element = bytes_of(in.dtype);
  const std::int64_t chunk = part_bytes_ / element;
  for (std::int64_t begin = 0; begin < out.count(); begin += chunk) {
    const std::int64_t n = std::min(chunk, out.count() - begin);
    const auto part = [&](int rank) { return in.data + (rank * out.count() + begin) * element; };
    for_each_peer([&](int peer) { post_receive(staged(peer), n * element, peer); });
    for_each_peer([&](int peer) { post_send(part(peer), n * element, peer); });
    wait();
    combine(Combine::sum, in.dtype, out.data + begin * element, parts_with(part(rank())), n);
  }
}

// Moves --------------------------------------------------------------------------------------------------------------

void MpiCommunicator::all_gather(const Tensor& out, const Tensor& in, const Stream& stream) {
  check_all_gather(*this, out, in);
  check_host_buffer(*this, "all_gather", out);
  const UsageMeter::Timer timer(meter(), Operation::all_gather, out.bytes());
  const std::int64_t bytes = in.bytes();
  for_each_peer([&](int peer) { post_receive(out.data + peer * bytes, bytes, peer); });
  for_each_peer([&](int peer) { post_send(in.data, bytes, peer); });
  const Tensor own = out.flat().slice(rank() * in.count(), in.count());
  if (own.data != in.data) copy(own, in.flat(), stream);
  wait();
}

void MpiCommunicator::all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) {
  check_all_to_all(*this, out, in);
  check_host_buffer(*this, "all_to_all", out);
  const UsageMeter::Timer timer(meter(), Operation::all_to_all, in.bytes());
  const std::int64_t count = in.count() / size();
  const std::int64_t bytes = count * bytes_of(in.dtype);
  for_each_peer([&](int peer) { post_receive(out.data + peer * bytes, bytes, peer); });
  for_each_peer([&](int peer) { post_send(in.data + peer * bytes, bytes, peer); });
  copy(out.flat().slice(rank() * count, count), in.flat().slice(rank() * count, count), stream);
  wait();
}

void MpiCommunicator::broadcast(const Tensor& buffer, int root, const Stream& /*stream*/) {
  check_host_buffer(*this, "broadcast", buffer);
  check_root(*this, root);
  const UsageMeter::Timer timer(meter(), Operation::broadcast, buffer.bytes());
  for (std::int64_t begin = 0; begin < buffer.bytes(); begin += message_bytes_) {
    const auto n = static_cast<int>(std::min(message_bytes_, buffer.bytes() - begin));
    MPI_OK(MPI_Bcast(buffer.data + begin, n, MPI_BYTE, root, comm()));
  }
}

void MpiCommunicator::barrier() {
  const UsageMeter::Timer timer(meter(), Operation::barrier, 0);
  MPI_OK(MPI_Barrier(comm()));
}

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm comm, std::string name, const HostLimits& limits) {
  return std::make_unique<MpiCommunicator>(comm, std::move(name), limits);
}

}  // namespace phalanx
