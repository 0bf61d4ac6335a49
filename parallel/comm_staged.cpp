#include "parallel/comm_staged.h"

#include <cstddef>
#include <utility>

#include "core/cuda_module.h"
#include "core/device.h"
#include "core/device_backend.h"
#include "parallel/comm_checks.h"

namespace phalanx {
namespace {

// Pinned host memory that grows to the most that was asked for.
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  ~PinnedBuffer() { release(); }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;

  std::byte* at_least(std::int64_t bytes) {
    if (memory_ != nullptr && bytes <= bytes_) return memory_;
    release();
    memory_ = cuda_module().device->allocate_pinned(bytes);
    ENSURE(memory_ != nullptr, "no ", bytes,
           " bytes of pinned host memory are left, which GPUs need to talk through the host");
    bytes_ = bytes;
    return memory_;
  }

 private:
  void release() {
    if (memory_ != nullptr) cuda_module().device->deallocate_pinned(memory_);
    memory_ = nullptr;
  }

  std::byte* memory_ = nullptr;
  std::int64_t bytes_ = 0;
};

class StagedCommunicator final : public Communicator {
 public:
  explicit StagedCommunicator(std::unique_ptr<Communicator> host) : host_(std::move(host)) {}

  [[nodiscard]] int rank() const override { return host_->rank(); }
  [[nodiscard]] int size() const override { return host_->size(); }
  [[nodiscard]] std::string name() const override { return host_->name(); }
  [[nodiscard]] std::vector<Usage> usage() const override { return host_->usage(); }
  [[nodiscard]] Activity activity() const override { return host_->activity(); }
  void barrier() override { host_->barrier(); }

  void all_reduce(const Tensor& buffer, Reduce op, const Stream& stream) override {
    check_buffer(*this, "all_reduce", buffer);
    if (stays(buffer)) return host_->all_reduce(buffer, op, stream);
    const Tensor staged = fetched(in_, buffer, stream);
    host_->all_reduce(staged, op, {});
    put_back(buffer, staged, stream);
  }

  void reduce_scatter(const Tensor& out, const Tensor& in, const Stream& stream) override {
    check_reduce_scatter(*this, out, in);
    move(out, in, stream, [this](const auto&... a) { host_->reduce_scatter(a...); });
  }
  void all_gather(const Tensor& out, const Tensor& in, const Stream& stream) override {
    check_all_gather(*this, out, in);
    move(out, in, stream, [this](const auto&... a) { host_->all_gather(a...); });
  }
  void all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) override {
    check_all_to_all(*this, out, in);
    move(out, in, stream, [this](const auto&... a) { host_->all_to_all(a...); });
  }

  void sum_tree(const Tensor& out, const Tensor& partials, const Stream& stream) override {
    check_sum_tree(*this, out, partials);
    if (on_host(partials)) return host_->sum_tree(out, partials, stream);
    if (size() == 1 && partials.size(0) == 1) return host_->all_gather(out, partials[0], stream);
    const Tensor from = fetched(in_, partials, stream);
    const Tensor to = room(out_, out);
    host_->sum_tree(to, from, {});
    put_back(out, to, stream);
  }

  void broadcast(const Tensor& buffer, int root, const Stream& stream) override {
    check_buffer(*this, "broadcast", buffer);
    check_root(*this, root);
    if (stays(buffer)) return host_->broadcast(buffer, root, stream);
    const Tensor staged = fetched(in_, buffer, stream);
    host_->broadcast(staged, root, {});
    put_back(buffer, staged, stream);
  }

 private:
  static bool on_host(const Tensor& tensor) { return tensor.device.type == DeviceType::cpu; }
  // Whether the host's communicator can do it: alone, it only copies.
  [[nodiscard]] bool stays(const Tensor& tensor) const { return on_host(tensor) || size() == 1; }

  template <class F>
  void move(const Tensor& out, const Tensor& in, const Stream& stream, F&& f) {
    if (stays(in)) return f(out, in, stream);
    const Tensor from = fetched(in_, in, stream);
    const Tensor to = room(out_, out);
    f(to, from, Stream{});
    put_back(out, to, stream);
  }

  static Tensor room(PinnedBuffer& buffer, const Tensor& like) {
    return {buffer.at_least(like.bytes()), like.shape, like.dtype, Device{}};
  }
  // Both return when it is done.
  static Tensor fetched(PinnedBuffer& buffer, const Tensor& from, const Stream& stream) {
    const Tensor staged = room(buffer, from);
    copy(staged, from, stream);
    synchronize(from.device, stream);
    return staged;
  }
  static void put_back(const Tensor& to, const Tensor& staged, const Stream& stream) {
    copy(to, staged, stream);
    synchronize(to.device, stream);
  }

  std::unique_ptr<Communicator> host_;
  PinnedBuffer in_, out_;
};

}  // namespace

std::unique_ptr<Communicator> make_staged_communicator(std::unique_ptr<Communicator> host) {
  return std::make_unique<StagedCommunicator>(std::move(host));
}

}  // namespace phalanx
