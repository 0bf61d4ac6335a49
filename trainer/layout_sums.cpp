// Sums that no layout shows in: gradients of a virtual data shard are added up sequence by sequence; those of the
// shards along the tree of recursive halving, node [b, b + n) = node [b, b + n/2) + node [b + n/2, b + n). A rank's
// shards are a whole node, made in post-order with one spare buffer per level; the nodes above lie across ranks. Losses
// and squares are added as integers, in any order.
#include <algorithm>

#include "core/exact_sum.h"
#include "model/ops/flat.h"
#include "trainer/step_sums.h"

namespace phalanx {
namespace {

using ExactLossSums = std::array<ExactSum, kLossSums>;

class LayoutSums final : public StepSums {
 public:
  LayoutSums(Replica& replica, Groups groups, int data_shards)
      : replica_(replica), groups_(groups), own_shards_(data_shards / groups.data->size()) {
    ENSURE(own_shards_ * groups.data->size() == data_shards, "run.data_shards (", data_shards, ") over ",
           groups.data->size(), " data ranks");
  }

  void sum_gradients(const data::StepBatch& batch, const LossScale& scale) override {
    const auto sequences = static_cast<int>(batch.micro.size());
    ENSURE(sequences % own_shards_ == 0, sequences, " sequences in ", own_shards_, " data shards");
    loss_ = {};
    add_node({batch, scale, sequences / own_shards_}, 0, own_shards_, 0);
    replica_.clock().enter(Phase::reduce);
    for (const Bucket& bucket : replica_.layout().buckets()) {
      const Tensor sum = gradients().slice(bucket.offset, bucket.count);
      groups_.data->sum_tree(sum, sum.view({1, bucket.count}), {});
    }
  }

  StepTotals totals() override {
    StepTotals totals;
    totals.squares = replica_.exact_grad_norm().sums(replica_.context().exec, gradients(), *groups_.world);
    totals.loss = over_data_ranks(loss_);
    return totals;
  }

  LossSums evaluate(const std::vector<Batch>& batches) override {
    ExactLossSums sums;
    for (const Batch& batch : batches) {
      fill_zero(replica_.loss_sums(), {});
      replica_.network().forward_loss(replica_.context(), batch, replica_.loss_sums());
      add_loss(sums);
    }
    return over_data_ranks(sums);
  }

 private:
  struct Step {
    const data::StepBatch& batch;
    const LossScale& scale;
    int sequences;  // of a shard
  };

  [[nodiscard]] const Tensor& gradients() const { return replica_.parameters().flat_gradients(); }

  // Flat gradients <- those of own shards [begin, begin + count).
  void add_node(const Step& step, int begin, int count, int depth) {
    if (count == 1) return add_shard(step, begin);
    add_node(step, begin, count / 2, depth + 1);
    replica_.swap_gradients(depth);
    add_node(step, begin + count / 2, count - count / 2, depth + 1);
    ops::add(replica_.context().exec, gradients(), replica_.spare_gradients(depth));
  }

  void add_shard(const Step& step, int shard) {
    replica_.parameters().clear_gradients();
    for (int i = 0; i < step.sequences; ++i) {
      const Batch& sequence = step.batch.micro[static_cast<std::size_t>(shard * step.sequences + i)];
      fill_zero(replica_.loss_sums(), {});
      const ops::Write write = i == 0 ? ops::Write::overwrite : ops::Write::accumulate;
      replica_.network().forward_backward(replica_.context(write), sequence, step.scale, replica_.loss_sums());
      add_loss(loss_);
    }
  }

  void add_loss(ExactLossSums& sums) const {
    const LossSums terms = replica_.read_loss_sums();
    for (std::size_t i = 0; i < terms.size(); ++i) sums[i].add(terms[i]);
  }

  [[nodiscard]] LossSums over_data_ranks(ExactLossSums sums) const {
    std::vector<std::int64_t> limbs;
    for (ExactSum& sum : sums) limbs.insert(limbs.end(), sum.limbs().begin(), sum.limbs().end());
    groups_.data->all_reduce(host_tensor(limbs.data(), {static_cast<std::int64_t>(limbs.size())}), Reduce::sum, {});
    LossSums values{};
    for (std::size_t i = 0; i < sums.size(); ++i) {
      auto& own = sums[i].limbs();
      std::copy_n(limbs.begin() + static_cast<std::ptrdiff_t>(i * own.size()), own.size(), own.begin());
      values[i] = sums[i].value();
    }
    return values;
  }

  Replica& replica_;
  Groups groups_;
  int own_shards_;
  ExactLossSums loss_;
};

}  // namespace

std::unique_ptr<StepSums> make_layout_sums(Replica& replica, Groups groups, int data_shards) {
  return std::make_unique<LayoutSums>(replica, groups, data_shards);
}

}  // namespace phalanx
