// Every operation writes into this rank's shared area, steps, and reads the areas of its peers
// (parallel/shared_area.h). An area has one slot per rank, for what that rank is to receive, and one more for what
// everybody is to receive.
//
// How a large buffer is summed: as over messages (parallel/comm_mpi.cpp). Rank r computes part r of every chunk, and
// only r ever computes these bits; the sums of a chunk travel with the parts of the next one, so ranks wait for each
// other once per chunk.
#include "parallel/comm_shared.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/log.h"
#include "parallel/chunk.h"
#include "parallel/comm_checks.h"
#include "parallel/comm_host.h"
#include "parallel/mpi_check.h"
#include "parallel/shared_area.h"
#include "parallel/stream_copy.h"

namespace phalanx {
namespace {

void copy_bytes(std::byte* to, const std::byte* from, std::int64_t bytes) {
  if (bytes > 0 && to != from) std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

class SharedCommunicator final : public HostCommunicator {
 public:
  SharedCommunicator(MPI_Comm comm, std::unique_ptr<SharedArea> area, std::string name, const HostLimits& limits);

  void reduce_scatter(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void all_gather(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void broadcast(const Tensor& buffer, int root, const Stream& stream) override;
  void barrier() override;

 private:
  // f(begin, n) over the bytes of something, as many at a time as `most`.
  template <class F>
  static void in_pieces(std::int64_t bytes, std::int64_t most, F&& f) {
    for (std::int64_t begin = 0; begin < bytes; begin += most) f(begin, std::min(most, bytes - begin));
  }

  // Slots of my area, to be written before a step, and of a peer's, to be read after it.
  [[nodiscard]] std::byte* slot_to(int peer) const { return area_->mine() + peer * part_bytes_; }
  [[nodiscard]] std::byte* slot_to_all() const { return slot_to(size()); }
  [[nodiscard]] const std::byte* slot_from(int peer) const { return area_->of(peer) + rank() * part_bytes_; }
  [[nodiscard]] const std::byte* slot_of_all(int peer) const { return area_->of(peer) + size() * part_bytes_; }

  void combine_direct(Combine how, DType dtype, std::byte* data, std::int64_t count) override;
  void combine_in_parts(Combine how, DType dtype, std::byte* data, std::int64_t count) override;
  // `own` of this rank and what every peer has in its slot for this one.
  std::span<const std::byte* const> parts_with(const std::byte* own) {
    return in_rank_order(own, [this](int peer) { return slot_from(peer); });
  }

  std::unique_ptr<SharedArea> area_;
  std::int64_t part_bytes_;  // of a slot
};

SharedCommunicator::SharedCommunicator(MPI_Comm comm, std::unique_ptr<SharedArea> area, std::string name,
                                       const HostLimits& limits)
    : HostCommunicator(comm, std::move(name)),
      area_(std::move(area)),
      part_bytes_(part_bytes_of(limits.chunk_bytes, size())) {
  set_direct_bytes(std::min(limits.direct_bytes / size(), part_bytes_));
}

// Sums ---------------------------------------------------------------------------------------------------------------

void SharedCommunicator::combine_direct(Combine how, DType dtype, std::byte* data, std::int64_t count) {
  stream_copy(slot_to_all(), data, count * bytes_of(dtype));
  area_->step();
  combine(how, dtype, data, in_rank_order(data, [this](int peer) { return slot_of_all(peer); }), count);
}

void SharedCommunicator::combine_in_parts(Combine how, DType dtype, std::byte* data, std::int64_t count) {
  const std::int64_t element = bytes_of(dtype);
  const Chunking chunks(dtype, count, size(), part_bytes_);
  const auto scatter = [&](const Chunk& c) {
    for_each_peer([&](int peer) { stream_copy(slot_to(peer), data + c.at(peer) * element, c.count(peer) * element); });
  };
  const auto gather = [&](const Chunk& c) {
    for_each_peer(
        [&](int peer) { copy_bytes(data + c.at(peer) * element, slot_of_all(peer), c.count(peer) * element); });
  };
  scatter(chunks[0]);
  area_->step();
  for (std::int64_t i = 0; i < chunks.chunks(); ++i) {
    const Chunk c = chunks[i];
    std::byte* own = data + c.at(rank()) * element;
    combine(how, dtype, own, parts_with(own), c.count(rank()));
    stream_copy(slot_to_all(), own, c.count(rank()) * element);
    if (i + 1 < chunks.chunks()) scatter(chunks[i + 1]);
    area_->step();
    gather(c);
  }
}

void SharedCommunicator::reduce_scatter(const Tensor& out, const Tensor& in, const Stream& /*stream*/) {
  check_reduce_scatter(*this, out, in);
  check_host_buffer(*this, "reduce_scatter", in);
  const UsageMeter::Timer timer(meter(), Operation::reduce_scatter, in.bytes());
  in_pieces(out.bytes(), part_bytes_, [&](std::int64_t begin, std::int64_t n) {
    for_each_peer([&](int peer) { stream_copy(slot_to(peer), in.data + peer * out.bytes() + begin, n); });
    area_->step();
    const std::byte* own = in.data + rank() * out.bytes() + begin;
    combine(Combine::sum, in.dtype, out.data + begin, parts_with(own), n / bytes_of(in.dtype));
  });
}

// Moves --------------------------------------------------------------------------------------------------------------

void SharedCommunicator::all_gather(const Tensor& out, const Tensor& in, const Stream& /*stream*/) {
  check_all_gather(*this, out, in);
  check_host_buffer(*this, "all_gather", out);
  const UsageMeter::Timer timer(meter(), Operation::all_gather, out.bytes());
  // All of an area for what everybody is to receive: its slots follow one another.
  in_pieces(in.bytes(), part_bytes_ * size(), [&](std::int64_t begin, std::int64_t n) {
    stream_copy(area_->mine(), in.data + begin, n);
    copy_bytes(out.data + rank() * in.bytes() + begin, in.data + begin, n);
    area_->step();
    for_each_peer([&](int peer) { copy_bytes(out.data + peer * in.bytes() + begin, area_->of(peer), n); });
  });
}

void SharedCommunicator::all_to_all(const Tensor& out, const Tensor& in, const Stream& /*stream*/) {
  check_all_to_all(*this, out, in);
  check_host_buffer(*this, "all_to_all", out);
  const UsageMeter::Timer timer(meter(), Operation::all_to_all, in.bytes());
  const std::int64_t bytes = in.bytes() / size();
  in_pieces(bytes, part_bytes_, [&](std::int64_t begin, std::int64_t n) {
    for_each_peer([&](int peer) { stream_copy(slot_to(peer), in.data + peer * bytes + begin, n); });
    copy_bytes(out.data + rank() * bytes + begin, in.data + rank() * bytes + begin, n);
    area_->step();
    for_each_peer([&](int peer) { copy_bytes(out.data + peer * bytes + begin, slot_from(peer), n); });
  });
}

void SharedCommunicator::broadcast(const Tensor& buffer, int root, const Stream& /*stream*/) {
  check_host_buffer(*this, "broadcast", buffer);
  check_root(*this, root);
  const UsageMeter::Timer timer(meter(), Operation::broadcast, buffer.bytes());
  in_pieces(buffer.bytes(), part_bytes_ * size(), [&](std::int64_t begin, std::int64_t n) {
    if (rank() == root) stream_copy(area_->mine(), buffer.data + begin, n);
    area_->step();
    if (rank() != root) copy_bytes(buffer.data + begin, area_->of(root), n);
  });
}

void SharedCommunicator::barrier() {
  const UsageMeter::Timer timer(meter(), Operation::barrier, 0);
  area_->step();
}

bool on_one_host(MPI_Comm comm) {
  MPI_Comm node = MPI_COMM_NULL;
  int ranks = 0, neighbours = 0;
  MPI_OK(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  MPI_OK(MPI_Comm_size(comm, &ranks));
  MPI_OK(MPI_Comm_size(node, &neighbours));
  MPI_OK(MPI_Comm_free(&node));
  return ranks == neighbours;  // then it is so on every rank
}

}  // namespace

std::unique_ptr<Communicator> make_shared_communicator(MPI_Comm comm, std::string name, const HostLimits& limits) {
  if (!on_one_host(comm)) return nullptr;
  int size = 0;
  MPI_OK(MPI_Comm_size(comm, &size));
  std::unique_ptr<SharedArea> area = SharedArea::make(comm, part_bytes_of(limits.chunk_bytes, size) * (size + 1));
  if (area == nullptr) {
    int rank = 0;
    MPI_OK(MPI_Comm_rank(comm, &rank));
    if (rank == 0) log::warning("the ranks of this host cannot share memory; the ", name, " axis uses slower messages");
    return nullptr;
  }
  return std::make_unique<SharedCommunicator>(comm, std::move(area), std::move(name), limits);
}

}  // namespace phalanx
