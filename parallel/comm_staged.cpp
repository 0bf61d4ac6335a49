#include "parallel/comm_staged.h"

#include <cstddef>
#include <utility>

#include "core/device.h"

namespace phalanx {
namespace {

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
    if (stays(buffer)) return host_->all_reduce(buffer, op, stream);
    const Tensor staged = fetched(in_, buffer, stream);
    host_->all_reduce(staged, op, {});
    copy(buffer, staged, stream);
  }

  void reduce_scatter(const Tensor& out, const Tensor& in, const Stream& stream) override {
    move(out, in, stream, [this](const auto&... a) { host_->reduce_scatter(a...); });
  }
  void all_gather(const Tensor& out, const Tensor& in, const Stream& stream) override {
    move(out, in, stream, [this](const auto&... a) { host_->all_gather(a...); });
  }
  void all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) override {
    move(out, in, stream, [this](const auto&... a) { host_->all_to_all(a...); });
  }

  void sum_tree(const Tensor& out, const Tensor& partials, const Stream& stream) override {
    if (on_host(partials)) return host_->sum_tree(out, partials, stream);
    if (size() == 1 && partials.size(0) == 1) return host_->all_gather(out, partials[0], stream);
    const Tensor from = fetched(in_, partials, stream);
    const Tensor to = room(out_, out);
    host_->sum_tree(to, from, {});
    copy(out, to, stream);
  }

  void broadcast(const Tensor& buffer, int root, const Stream& stream) override {
    if (stays(buffer)) return host_->broadcast(buffer, root, stream);
    const Tensor staged = fetched(in_, buffer, stream);
    host_->broadcast(staged, root, {});
    copy(buffer, staged, stream);
  }

 private:
  using Buffer = std::vector<std::byte>;

  static bool on_host(const Tensor& tensor) { return tensor.device.type == DeviceType::cpu; }
  // Whether the host's communicator can do it: alone, it only copies.
  [[nodiscard]] bool stays(const Tensor& tensor) const { return on_host(tensor) || size() == 1; }

  template <class F>
  void move(const Tensor& out, const Tensor& in, const Stream& stream, F&& f) {
    if (stays(in)) return f(out, in, stream);
    const Tensor from = fetched(in_, in, stream);
    const Tensor to = room(out_, out);
    f(to, from, Stream{});
    copy(out, to, stream);
  }

  static Tensor room(Buffer& buffer, const Tensor& like) {
    const auto bytes = static_cast<std::size_t>(like.bytes());
    if (buffer.size() < bytes) buffer.resize(bytes);
    return {buffer.data(), like.shape, like.dtype, Device{}};
  }
  static Tensor fetched(Buffer& buffer, const Tensor& from, const Stream& stream) {
    const Tensor staged = room(buffer, from);
    copy(staged, from, stream);
    return staged;
  }

  std::unique_ptr<Communicator> host_;
  Buffer in_, out_;
};

}  // namespace

std::unique_ptr<Communicator> make_staged_communicator(std::unique_ptr<Communicator> host) {
  return std::make_unique<StagedCommunicator>(std::move(host));
}

}  // namespace phalanx
