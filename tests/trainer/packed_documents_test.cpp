// Documents packed into one window give what each gives alone, and none of them sees another.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "parallel/comm_self.h"
#include "trainer/build.h"
#include "trainer/replica.h"

namespace phalanx {
namespace {

constexpr int kV = 41, kT = 19;
constexpr int kCuts[] = {0, 7, 8, 19};  // three documents, of 7, 1 and 11 tokens

int token_of(int t) { return (5 * t * t + 3 * t + 2) % kV; }

class PackedDocuments : public ::testing::TestWithParam<const char*> {
 protected:
  PackedDocuments() : self_(make_self_communicator("self")) {
    NetworkOptions network{.family = GetParam(), .L = 2, .C = 32, .NH = 4, .F = 48, .T = kT, .V = kV, .init_std = 0.3F};
    if (network.family == "bert") network.token_types = 2;
    network.local_attention = 4;  // the second layer of a modern encoder
    const ReplicaOptions options{.network = network, .training = false, .bucket_elements = 1000, .seed = 5};
    replica_ = std::make_unique<Replica>(options, *self_, *self_, evaluation_workload({.B = 1, .T = kT}));
    replica_->fill_initial_values();
  }

  // Loss of the target at token `t` of a window that holds documents.
  double loss_at(Batch batch, int t) {
    batch.targets.assign(batch.targets.size(), Batch::kIgnore);
    batch.targets[static_cast<std::size_t>(t)] = 11;
    fill_zero(replica_->loss_sums(), {});
    replica_->network().forward_loss(replica_->context(), batch, replica_->loss_sums());
    return replica_->read_loss_sums()[kTokenLoss];
  }

  std::unique_ptr<Communicator> self_;
  std::unique_ptr<Replica> replica_;
};

// Tokens [begin, end) of the packed window in one of their own.
Batch window_of(int begin, int end) {
  Batch batch = empty_batch({.B = 1, .T = end - begin});
  batch.sequences = {0};
  for (int t = begin; t < end; ++t) {
    int d = 0;
    while (kCuts[d + 1] <= t) ++d;
    const auto i = static_cast<std::size_t>(t - begin);
    batch.tokens[i] = token_of(t);
    batch.document_begin[i] = kCuts[d] - begin;
    batch.document_end[i] = kCuts[d + 1] - begin;
    batch.positions[i] = t - kCuts[d];
  }
  return batch;
}

TEST_P(PackedDocuments, GiveWhatEachGivesAlone) {
  const Batch packed = window_of(0, kT);
  for (int d = 0; d < 3; ++d) {
    const Batch alone = window_of(kCuts[d], kCuts[d + 1]);
    for (int t = kCuts[d]; t < kCuts[d + 1]; ++t) {
      const double want = loss_at(alone, t - kCuts[d]);
      EXPECT_NEAR(loss_at(packed, t), want, 1e-5 * want) << "token " << t;  // fp32 sums in another order
    }
  }
}

TEST_P(PackedDocuments, DoNotSeeEachOther) {
  const Batch packed = window_of(0, kT);
  for (int d = 0; d < 3; ++d) {
    Batch changed = packed;
    for (int t = 0; t < kT; ++t) {
      if (t < kCuts[d] || t >= kCuts[d + 1]) changed.tokens[static_cast<std::size_t>(t)] = (token_of(t) + 1) % kV;
    }
    for (int t = kCuts[d]; t < kCuts[d + 1]; ++t) {
      EXPECT_EQ(loss_at(changed, t), loss_at(packed, t)) << "token " << t;
    }
    const int other = d == 0 ? kCuts[1] : 0;  // elsewhere the change shows
    EXPECT_NE(loss_at(changed, other), loss_at(packed, other));
  }
}

INSTANTIATE_TEST_SUITE_P(AllFamilies, PackedDocuments, ::testing::Values("gpt", "bert", "modern_encoder"));

}  // namespace
}  // namespace phalanx
