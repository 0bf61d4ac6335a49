// How a buffer is summed, so that its bits do not depend on NCCL: as in parallel/comm_mpi.cpp it is cut into chunks,
// each chunk into one part per rank; rank r receives everybody's r-th part, sums them in rank order, and sends the sum
// to all. That is as many bytes over each link as NCCL's own sums send. A small buffer everybody sends to everybody.
//
// All of it runs on a stream of the communicator's own, which waits for the caller's stream and makes that one wait.
#include "parallel/comm_nccl.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "core/arena.h"
#include "core/cuda_check.h"
#include "parallel/chunk.h"
#include "parallel/combine_cuda.h"
#include "parallel/comm_checks.h"
#include "parallel/nccl_connect.h"
#include "parallel/nccl_library.h"
#include "parallel/nccl_watch.h"
#include "parallel/usage_meter.h"

namespace phalanx {
namespace {

using Operation = UsageMeter::Operation;

constexpr std::int64_t kDirectBytes = std::int64_t{64} << 10;  // a buffer up to so large is summed by every rank

// Calls that NCCL sees as one, so that sends and receives do not wait for each other.
class Group {
 public:
  Group() { NCCL_OK(nccl_library().group_start()); }
  void end() {
    open_ = false;
    NCCL_OK(nccl_library().group_end());
  }
  ~Group() {
    if (open_) nccl_library().group_end();
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

 private:
  bool open_ = true;
};

cudaStream_t handle_of(const Stream& stream) { return static_cast<cudaStream_t>(stream.handle); }

Stream make_stream(int device) {
  CUDA_OK(cudaSetDevice(device));
  int lowest = 0;
  int highest = 0;
  CUDA_OK(cudaDeviceGetStreamPriorityRange(&lowest, &highest));
  cudaStream_t stream = nullptr;
  CUDA_OK(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, highest));
  return {stream};
}

cudaEvent_t make_event() {
  cudaEvent_t event = nullptr;
  CUDA_OK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  return event;
}

std::string words_for(const Communicator& host) {
  return str("the ", host.name(), " communicator, rank ", host.rank(), " of ", host.size());
}

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(std::unique_ptr<Communicator> host, const NcclOptions& options);
  ~NcclCommunicator() override;

  [[nodiscard]] int rank() const override { return host_->rank(); }
  [[nodiscard]] int size() const override { return host_->size(); }
  [[nodiscard]] std::string name() const override { return host_->name(); }
  [[nodiscard]] std::vector<Usage> usage() const override;
  [[nodiscard]] Activity activity() const override;

  void all_reduce(const Tensor& buffer, Reduce op, const Stream& stream) override;
  void reduce_scatter(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void all_gather(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) override;
  void sum_tree(const Tensor& out, const Tensor& partials, const Stream& stream) override;
  void broadcast(const Tensor& buffer, int root, const Stream& stream) override;
  void barrier() override;

 private:
  template <class F>
  void enqueue(Operation operation, std::int64_t bytes, const Stream& caller, F&& f);
  void combine_everywhere(Combine how, const Tensor& buffer);
  void combine_direct(Combine how, DType dtype, std::byte* data, std::int64_t count);
  void combine_chunk(Combine how, DType dtype, std::byte* data, const Chunk& chunk);
  // `own` <- the combination of it and the staged parts.
  void combine_staged(Combine how, DType dtype, std::byte* out, const std::byte* own, std::int64_t count);
  void add_tree(DType dtype, std::byte* first, std::int64_t stride, int nodes, std::int64_t count);

  void send(const std::byte* data, std::int64_t bytes, int peer);
  void receive(std::byte* data, std::int64_t bytes, int peer);
  template <class F>
  void for_each_peer(F&& f) const {
    for (int step = 1; step < size(); ++step) f((rank() + step) % size());
  }
  [[nodiscard]] std::byte* staged(int rank) const { return staging_.data + rank * part_bytes_; }
  [[nodiscard]] bool sums_itself(DType dtype) const { return !rank_order_ && dtype == DType::f32; }
  static bool on_host(const Tensor& tensor) { return tensor.device.type == DeviceType::cpu; }

  std::unique_ptr<Communicator> host_;
  bool rank_order_;
  std::int64_t part_bytes_;  // of one rank's part of a chunk
  Arena arena_;
  Tensor staging_;  // (size, part_bytes) uint8
  Stream stream_;
  cudaEvent_t asked_;  // the caller's stream has come to the last operation
  int exceptions_ = std::uncaught_exceptions();
  UsageMeter meter_;
  NcclWatch watch_;
  ncclComm_t comm_;
};

NcclCommunicator::NcclCommunicator(std::unique_ptr<Communicator> host, const NcclOptions& options)
    : host_(std::move(host)),
      rank_order_(options.rank_order),
      part_bytes_(part_bytes_of(options.staging_bytes, host_->size())),
      arena_("communication", Device{DeviceType::cuda, options.device},
             host_->size() * part_bytes_ + Arena::kAlignment),
      staging_(arena_.take({host_->size(), part_bytes_}, DType::u8)),
      stream_(make_stream(options.device)),
      asked_(make_event()),
      watch_(words_for(*host_), options),
      comm_(connect_nccl(*host_, watch_)) {}

// Where an exception ends this rank, no other rank will join what it has begun. Else what it has begun ends first, and
// the watch still looks after that.
NcclCommunicator::~NcclCommunicator() {
  const bool failed = std::uncaught_exceptions() > exceptions_;
  if (!failed) cudaStreamSynchronize(handle_of(stream_));
  if (watch_.stop()) {
    failed ? nccl_library().comm_abort(comm_) : nccl_library().comm_destroy(comm_);
  }
  cudaEventDestroy(asked_);
  cudaStreamDestroy(handle_of(stream_));
}

// The time on the GPU, and what is done over host memory, count too.
std::vector<Communicator::Usage> NcclCommunicator::usage() const {
  std::vector<Usage> all = meter_.totals();
  for (std::size_t i = 0; i < all.size(); ++i) all[i].seconds += watch_.seconds(static_cast<Operation>(i));
  for (const Usage& more : host_->usage()) {
    for (Usage& usage : all) {
      if (std::string(usage.operation) != more.operation) continue;
      usage.seconds += more.seconds;
      usage.bytes += more.bytes;
      usage.calls += more.calls;
    }
  }
  return all;
}

// The calls return at once: what the GPU has not ended is what this rank is in.
Communicator::Activity NcclCommunicator::activity() const {
  const Activity own = meter_.activity();
  const Activity host = host_->activity();
  const char* now = own.operation != nullptr ? own.operation : host.operation;
  return {now != nullptr ? now : watch_.current(), own.calls + host.calls};
}

// What f() enqueues runs after what the caller's stream holds, and before what it will hold.
template <class F>
void NcclCommunicator::enqueue(Operation operation, std::int64_t bytes, const Stream& caller, F&& f) {
  watch_.require_sound();
  const UsageMeter::Timer timer(meter_, operation, bytes);
  const Activity now = meter_.activity();
  const NcclWatch::Events events = watch_.take_events();
  watch_.begin(now.operation, now.calls);
  try {
    CUDA_OK(cudaEventRecord(asked_, handle_of(caller)));
    CUDA_OK(cudaStreamWaitEvent(handle_of(stream_), asked_, 0));
    CUDA_OK(cudaEventRecord(events.begin, handle_of(stream_)));
    f();
    CUDA_OK(cudaEventRecord(events.end, handle_of(stream_)));
    CUDA_OK(cudaStreamWaitEvent(handle_of(caller), events.end, 0));
  } catch (const std::exception&) {
    watch_.withdraw();
    watch_.require_sound();  // it knows more than the call that it ended
    throw;
  }
  watch_.enqueued(operation, events);
}

void NcclCommunicator::send(const std::byte* data, std::int64_t bytes, int peer) {
  if (bytes == 0) return;
  NCCL_OK(nccl_library().send(data, static_cast<std::size_t>(bytes), ncclInt8, peer, comm_, handle_of(stream_)));
}
void NcclCommunicator::receive(std::byte* data, std::int64_t bytes, int peer) {
  if (bytes == 0) return;
  NCCL_OK(nccl_library().receive(data, static_cast<std::size_t>(bytes), ncclInt8, peer, comm_, handle_of(stream_)));
}

// Sums ---------------------------------------------------------------------------------------------------------------

// The tree over `nodes` buffers of `count` elements, `stride` bytes apart; its root is left in the first.
void NcclCommunicator::add_tree(DType dtype, std::byte* first, std::int64_t stride, int nodes, std::int64_t count) {
  if (nodes == 1) return;
  const int left = nodes / 2;
  add_tree(dtype, first, stride, left, count);
  add_tree(dtype, first + left * stride, stride, nodes - left, count);
  cuda::add_node(dtype, first, first + left * stride, count, stream_);
}

void NcclCommunicator::combine_staged(Combine how, DType dtype, std::byte* out, const std::byte* own,
                                      std::int64_t count) {
  if (how != Combine::tree) {
    return cuda::combine_parts(how, dtype, out, {own, staging_.data, part_bytes_, rank(), size()}, count, stream_);
  }
  const auto bytes = static_cast<std::size_t>(count * bytes_of(dtype));
  CUDA_OK(cudaMemcpyAsync(staged(rank()), own, bytes, cudaMemcpyDefault, handle_of(stream_)));
  add_tree(dtype, staging_.data, part_bytes_, size(), count);
  CUDA_OK(cudaMemcpyAsync(out, staging_.data, bytes, cudaMemcpyDefault, handle_of(stream_)));
}

void NcclCommunicator::combine_direct(Combine how, DType dtype, std::byte* data, std::int64_t count) {
  const std::int64_t bytes = count * bytes_of(dtype);
  Group group;
  for_each_peer([&](int peer) {
    receive(staged(peer), bytes, peer);
    send(data, bytes, peer);
  });
  group.end();
  combine_staged(how, dtype, data, data, count);
}

void NcclCommunicator::combine_chunk(Combine how, DType dtype, std::byte* data, const Chunk& c) {
  const std::int64_t element = bytes_of(dtype);
  const auto part = [&](int peer) { return data + c.at(peer) * element; };
  const std::int64_t own = c.count(rank());
  Group scatter;
  for_each_peer([&](int peer) {
    receive(staged(peer), own * element, peer);
    send(part(peer), c.count(peer) * element, peer);
  });
  scatter.end();
  if (own > 0) combine_staged(how, dtype, part(rank()), part(rank()), own);
  Group gather;
  for_each_peer([&](int peer) {
    receive(part(peer), c.count(peer) * element, peer);
    send(part(rank()), own * element, peer);
  });
  gather.end();
}

void NcclCommunicator::combine_everywhere(Combine how, const Tensor& buffer) {
  if (buffer.count() == 0) return;
  if (buffer.bytes() <= std::min(kDirectBytes / size(), part_bytes_)) {
    return combine_direct(how, buffer.dtype, buffer.data, buffer.count());
  }
  const Chunking chunks(buffer.dtype, buffer.count(), size(), part_bytes_);
  for (std::int64_t i = 0; i < chunks.chunks(); ++i) combine_chunk(how, buffer.dtype, buffer.data, chunks[i]);
}

void NcclCommunicator::all_reduce(const Tensor& buffer, Reduce op, const Stream& stream) {
  check_buffer(*this, "all_reduce", buffer);
  if (on_host(buffer)) return host_->all_reduce(buffer, op, stream);
  enqueue(Operation::all_reduce, buffer.bytes(), stream, [&] {
    if (op == Reduce::sum && sums_itself(buffer.dtype)) {
      NCCL_OK(nccl_library().all_reduce(buffer.data, buffer.data, static_cast<std::size_t>(buffer.count()), ncclFloat32,
                                        ncclSum, comm_, handle_of(stream_)));
    } else {
      combine_everywhere(combine_of(op), buffer);
    }
  });
}

void NcclCommunicator::reduce_scatter(const Tensor& out, const Tensor& in, const Stream& stream) {
  check_reduce_scatter(*this, out, in);
  if (on_host(in)) return host_->reduce_scatter(out, in, stream);
  enqueue(Operation::reduce_scatter, in.bytes(), stream, [&] {
    if (sums_itself(in.dtype)) {
      NCCL_OK(nccl_library().reduce_scatter(in.data, out.data, static_cast<std::size_t>(out.count()), ncclFloat32,
                                            ncclSum, comm_, handle_of(stream_)));
      return;
    }
    const std::int64_t element = bytes_of(in.dtype);
    const std::int64_t chunk = part_bytes_ / element;
    for (std::int64_t begin = 0; begin < out.count(); begin += chunk) {
      const std::int64_t n = std::min(chunk, out.count() - begin);
      const auto part = [&](int rank) { return in.data + (rank * out.count() + begin) * element; };
      Group group;
      for_each_peer([&](int peer) {
        receive(staged(peer), n * element, peer);
        send(part(peer), n * element, peer);
      });
      group.end();
      combine_staged(Combine::sum, in.dtype, out.data + begin * element, part(rank()), n);
    }
  });
}

void NcclCommunicator::sum_tree(const Tensor& out, const Tensor& partials, const Stream& stream) {
  check_sum_tree(*this, out, partials);
  if (on_host(partials)) return host_->sum_tree(out, partials, stream);
  enqueue(Operation::sum_tree, partials.bytes(), stream, [&] {
    if (out.count() == 0) return;
    add_tree(out.dtype, partials.data, out.bytes(), static_cast<int>(partials.size(0)), out.count());
    if (out.data != partials.data) {
      CUDA_OK(cudaMemcpyAsync(out.data, partials.data, static_cast<std::size_t>(out.bytes()), cudaMemcpyDefault,
                              handle_of(stream_)));
    }
    combine_everywhere(Combine::tree, out);
  });
}

// Moves --------------------------------------------------------------------------------------------------------------

void NcclCommunicator::all_gather(const Tensor& out, const Tensor& in, const Stream& stream) {
  check_all_gather(*this, out, in);
  if (on_host(out)) return host_->all_gather(out, in, stream);
  enqueue(Operation::all_gather, out.bytes(), stream, [&] {
    if (in.count() == 0) return;
    NCCL_OK(nccl_library().all_gather(in.data, out.data, static_cast<std::size_t>(in.bytes()), ncclInt8, comm_,
                                      handle_of(stream_)));
  });
}

void NcclCommunicator::all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) {
  check_all_to_all(*this, out, in);
  if (on_host(out)) return host_->all_to_all(out, in, stream);
  const std::int64_t bytes = in.bytes() / size();
  enqueue(Operation::all_to_all, in.bytes(), stream, [&] {
    Group group;
    for_each_peer([&](int peer) {
      receive(out.data + peer * bytes, bytes, peer);
      send(in.data + peer * bytes, bytes, peer);
    });
    group.end();
    CUDA_OK(cudaMemcpyAsync(out.data + rank() * bytes, in.data + rank() * bytes, static_cast<std::size_t>(bytes),
                            cudaMemcpyDefault, handle_of(stream_)));
  });
}

void NcclCommunicator::broadcast(const Tensor& buffer, int root, const Stream& stream) {
  check_buffer(*this, "broadcast", buffer);
  check_root(*this, root);
  if (on_host(buffer)) return host_->broadcast(buffer, root, stream);
  enqueue(Operation::broadcast, buffer.bytes(), stream, [&] {
    if (buffer.count() == 0) return;
    NCCL_OK(nccl_library().broadcast(buffer.data, buffer.data, static_cast<std::size_t>(buffer.bytes()), ncclInt8, root,
                                     comm_, handle_of(stream_)));
  });
}

void NcclCommunicator::barrier() {
  watch_.require_sound();
  CUDA_OK(cudaStreamSynchronize(handle_of(stream_)));
  host_->barrier();
}

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator> host, NcclOptions options) {
  return std::make_unique<NcclCommunicator>(std::move(host), options);
}

}  // namespace phalanx
