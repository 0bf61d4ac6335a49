// The sums of a step, micro-batch by micro-batch: the reducer sums each bucket over the data axis as the last backward
// completes it.
#include <algorithm>

#include "trainer/step_sums.h"

namespace phalanx {
namespace {

class SameLayoutSums final : public StepSums {
 public:
  SameLayoutSums(Replica& replica, Groups groups) : replica_(replica), groups_(groups) {}

  void sum_gradients(const data::StepBatch& batch, const LossScale& scale) override {
    replica_.parameters().clear_gradients();
    fill_zero(replica_.loss_sums(), {});
    for (std::size_t i = 0; i < batch.micro.size(); ++i) {
      if (i + 1 == batch.micro.size()) replica_.reducer().begin_last_backward();
      const ops::Write write = i == 0 ? ops::Write::overwrite : ops::Write::accumulate;
      replica_.network().forward_backward(replica_.context(write), batch.micro[i], scale, replica_.loss_sums());
    }
    replica_.clock().enter(Phase::reduce);
    replica_.reducer().finish();
  }

  StepTotals totals() override {
    StepTotals totals;
    totals.squares = replica_.grad_norm().local_sums(replica_.context().exec, replica_.parameters().flat_gradients());
    const bool counts_loss = replica_.options().coord.tensor == 0;  // tensor peers hold the same loss
    const LossSums own = counts_loss ? replica_.read_loss_sums() : LossSums{};
    totals.squares.insert(totals.squares.end(), own.begin(), own.end());
    const auto count = static_cast<std::int64_t>(totals.squares.size());
    groups_.world->all_reduce(host_tensor(totals.squares.data(), {count}), Reduce::sum, {});
    std::copy(totals.squares.end() - kLossSums, totals.squares.end(), totals.loss.begin());
    totals.squares.resize(totals.squares.size() - kLossSums);
    return totals;
  }

  LossSums evaluate(const std::vector<Batch>& batches) override {
    fill_zero(replica_.loss_sums(), {});
    for (const Batch& batch : batches) {
      replica_.network().forward_loss(replica_.context(), batch, replica_.loss_sums());
    }
    LossSums sums = replica_.read_loss_sums();
    groups_.data->all_reduce(host_tensor(sums.data(), {kLossSums}), Reduce::sum, {});
    return sums;
  }

 private:
  Replica& replica_;
  Groups groups_;
};

}  // namespace

std::unique_ptr<StepSums> make_same_layout_sums(Replica& replica, Groups groups) {
  return std::make_unique<SameLayoutSums>(replica, groups);
}

}  // namespace phalanx
