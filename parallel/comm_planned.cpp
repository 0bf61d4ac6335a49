#include "parallel/comm_planned.h"

#include <utility>

#include "core/check.h"

namespace phalanx {
namespace {

class PlannedCommunicator final : public Communicator {
 public:
  PlannedCommunicator(std::string name, int rank, int size) : name_(std::move(name)), rank_(rank), size_(size) {}

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::vector<Usage> usage() const override { return {}; }
  [[nodiscard]] Activity activity() const override { return {}; }

  void all_reduce(const Tensor& /*buffer*/, Reduce /*op*/, const Stream& /*stream*/) override { refuse(); }
  void reduce_scatter(const Tensor& /*out*/, const Tensor& /*in*/, const Stream& /*stream*/) override { refuse(); }
  void all_gather(const Tensor& /*out*/, const Tensor& /*in*/, const Stream& /*stream*/) override { refuse(); }
  void all_to_all(const Tensor& /*out*/, const Tensor& /*in*/, const Stream& /*stream*/) override { refuse(); }
  void sum_tree(const Tensor& /*out*/, const Tensor& /*partials*/, const Stream& /*stream*/) override { refuse(); }
  void broadcast(const Tensor& /*buffer*/, int /*root*/, const Stream& /*stream*/) override { refuse(); }
  void barrier() override { refuse(); }

 private:
  void refuse() const { FAIL_WITH("the ", name_, " communicator of ", size_, " ranks is only planned"); }

  std::string name_;
  int rank_;
  int size_;
};

}  // namespace

std::unique_ptr<Communicator> make_planned_communicator(std::string name, int rank, int size) {
  return std::make_unique<PlannedCommunicator>(std::move(name), rank, size);
}

}  // namespace phalanx
