#include "parallel/comm_self.h"

#include <utility>

#include "parallel/combine.h"
#include "parallel/comm_checks.h"
#include "parallel/usage_meter.h"

namespace phalanx {
namespace {

using Operation = UsageMeter::Operation;

class SelfCommunicator final : public Communicator {
 public:
  explicit SelfCommunicator(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] int rank() const override { return 0; }
  [[nodiscard]] int size() const override { return 1; }
  [[nodiscard]] std::string name() const override { return name_; }

  void all_reduce(const Tensor& buffer, Reduce /*op*/, const Stream& /*stream*/) override {
    check_buffer(*this, "all_reduce", buffer);
    const UsageMeter::Timer timer(usage_, Operation::all_reduce, buffer.bytes());
  }
  void reduce_scatter(const Tensor& out, const Tensor& in, const Stream& stream) override {
    check_reduce_scatter(*this, out, in);
    const UsageMeter::Timer timer(usage_, Operation::reduce_scatter, in.bytes());
    copy_unless_same(out, in, stream);
  }
  void all_gather(const Tensor& out, const Tensor& in, const Stream& stream) override {
    check_all_gather(*this, out, in);
    const UsageMeter::Timer timer(usage_, Operation::all_gather, out.bytes());
    copy_unless_same(out, in, stream);
  }
  void all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) override {
    check_all_to_all(*this, out, in);
    const UsageMeter::Timer timer(usage_, Operation::all_to_all, in.bytes());
    copy_unless_same(out, in, stream);
  }
  void sum_tree(const Tensor& out, const Tensor& partials, const Stream& /*stream*/) override {
    check_sum_tree(*this, out, partials);
    const UsageMeter::Timer timer(usage_, Operation::sum_tree, partials.bytes());
    sum_local_tree(out, partials);
  }
  void broadcast(const Tensor& buffer, int root, const Stream& /*stream*/) override {
    check_buffer(*this, "broadcast", buffer);
    check_root(*this, root);
    const UsageMeter::Timer timer(usage_, Operation::broadcast, buffer.bytes());
  }
  void barrier() override { const UsageMeter::Timer timer(usage_, Operation::barrier, 0); }

  [[nodiscard]] std::vector<Usage> usage() const override { return usage_.totals(); }
  [[nodiscard]] Activity activity() const override { return usage_.activity(); }

 private:
  static void copy_unless_same(const Tensor& out, const Tensor& in, const Stream& stream) {
    if (out.data != in.data) copy(out.flat(), in.flat(), stream);
  }

  std::string name_;
  UsageMeter usage_;
};

}  // namespace

std::unique_ptr<Communicator> make_self_communicator(std::string name) {
  return std::make_unique<SelfCommunicator>(std::move(name));
}

}  // namespace phalanx
