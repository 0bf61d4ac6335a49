// Gradients are summed over the data axis, whole or each rank its own part, with the same bits.
#include "parallel/grad_reducer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/support/mpi_main.h"

namespace phalanx {
namespace {

ParamTable table() {
  ParamTable specs;
  for (const auto& [name, shape] : std::vector<std::pair<std::string, Shape>>{
           {"embedding", {300, 20}}, {"weight", {60, 20}}, {"bias", {60}}, {"gamma", {7}}, {"down", {20, 61}}}) {
    ParamSpec spec;
    spec.name = name;
    spec.shape = shape;
    specs.push_back(spec);
  }
  return specs;
}

float gradient(int rank, std::int64_t i) { return 1.0F / static_cast<float>(1 + (i * 13 + rank * 7) % 1009); }

class Gradients {
 public:
  Gradients(const ParamLayout& layout, int rank) : values_(static_cast<std::size_t>(layout.flat_count())) {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = gradient(rank, static_cast<std::int64_t>(i));
  }
  [[nodiscard]] Tensor tensor() { return host_tensor(values_.data(), {static_cast<std::int64_t>(values_.size())}); }
  [[nodiscard]] const std::vector<float>& values() const { return values_; }

 private:
  std::vector<float> values_;
};

// One backward: gradients arrive in flat order.
void backward(GradReducer& reducer, const ParamLayout& layout) {
  for (int spec = static_cast<int>(layout.table().size()) - 1; spec >= 0; --spec) reducer.ready(spec, Stream{});
}

class GradReducerMpi : public testing::Test {
 protected:
  GradReducerMpi() : axes_(test_runtime().split(Grid{test_runtime().world_size(), 1})) {}
  [[nodiscard]] Communicator& data() const { return *axes_.data; }

 private:
  Runtime::Axes axes_;
};

TEST_F(GradReducerMpi, ShardedAndWholeSumsHaveTheSameBitsInEveryPart) {
  const int ranks = data().size();
  for (const std::int64_t bucket : {1, 1500, 1 << 20}) {
    const ParamLayout layout(table(), {}, ranks, bucket);
    Gradients whole(layout, data().rank());
    Gradients sharded(layout, data().rank());
    GradReducer all(layout, data(), whole.tensor(), false);
    GradReducer parts(layout, data(), sharded.tensor(), true);
    for (GradReducer* reducer : {&all, &parts}) {
      reducer->begin_last_backward();
      backward(*reducer, layout);
      reducer->finish();
    }
    for (std::int64_t i = 0; i < layout.flat_count(); ++i) {
      float expected = gradient(0, i);
      for (int r = 1; r < ranks; ++r) expected += gradient(r, i);
      ASSERT_EQ(whole.values()[static_cast<std::size_t>(i)], expected) << i;
    }
    for (const Bucket& b : layout.buckets()) {
      const Tensor mine = layout.owned_part(sharded.tensor(), b, data().rank());
      const Tensor same = layout.owned_part(whole.tensor(), b, data().rank());
      ASSERT_EQ(std::memcmp(mine.data, same.data, static_cast<std::size_t>(mine.bytes())), 0);
    }
  }
}

TEST_F(GradReducerMpi, OnlyTheLastBackwardOfAStepCommunicates) {
  const ParamLayout layout(table(), {}, data().size(), 1000);
  Gradients gradients(layout, data().rank());
  GradReducer reducer(layout, data(), gradients.tensor(), false);
  backward(reducer, layout);
  backward(reducer, layout);
  EXPECT_EQ(gradients.values(), Gradients(layout, data().rank()).values());
  for (int step = 0; step < 2; ++step) {
    reducer.begin_last_backward();
    backward(reducer, layout);
    reducer.finish();
  }
}

TEST_F(GradReducerMpi, AGradientThatArrivesTwiceIsNamed) {
  const ParamLayout layout(table(), {}, data().size(), 1 << 20);
  Gradients gradients(layout, data().rank());
  GradReducer reducer(layout, data(), gradients.tensor(), false);
  reducer.begin_last_backward();
  reducer.ready(layout.find("bias"), Stream{});
  try {
    reducer.ready(layout.find("bias"), Stream{});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("bias arrived twice"), std::string::npos) << error.what();
  }
}

TEST_F(GradReducerMpi, GradientsThatNeverArriveAreNamed) {
  const ParamLayout layout(table(), {}, data().size(), 1 << 20);
  Gradients gradients(layout, data().rank());
  GradReducer reducer(layout, data(), gradients.tensor(), false);
  EXPECT_THROW(reducer.finish(), Error);  // no backward had begun
  reducer.begin_last_backward();
  for (const char* name : {"embedding", "bias", "down"}) reducer.ready(layout.find(name), Stream{});
  try {
    reducer.finish();
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("weight, gamma"), std::string::npos) << error.what();
  }
}

TEST_F(GradReducerMpi, OneDataRankHasNothingToSend) {
  const Runtime::Axes axes = test_runtime().split(Grid{1, test_runtime().world_size()});
  const ParamLayout layout(table(), {}, 1, 1000);
  Gradients gradients(layout, 3);
  GradReducer reducer(layout, *axes.data, gradients.tensor(), true);
  reducer.begin_last_backward();
  backward(reducer, layout);
  reducer.finish();
  EXPECT_EQ(gradients.values(), Gradients(layout, 3).values());
  for (const Communicator::Usage& usage : axes.data->usage()) EXPECT_EQ(usage.calls, 0) << usage.operation;
}

TEST_F(GradReducerMpi, ALayoutForOtherRanksIsRefused) {
  const ParamLayout layout(table(), {}, data().size() + 1, 1000);
  Gradients gradients(layout, 0);
  EXPECT_THROW(GradReducer(layout, data(), gradients.tensor(), true), Error);
  EXPECT_THROW(GradReducer(layout, data(), gradients.tensor().slice(0, 64), false), Error);
}

}  // namespace
}  // namespace phalanx
