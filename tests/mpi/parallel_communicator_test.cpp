// The communicator suite over shared memory and over messages, at the limits that are used and at tiny ones, where
// buffers take many chunks and messages, and over the axes of grids.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "tests/support/communicator_suite.h"
#include "tests/support/mpi_main.h"

namespace phalanx {
namespace {

struct Way {
  const char* name;
  HostLimits limits;
};

// Names are the claims of the tests below.
const Way kWays[] = {
    {"SharedMemory", {}},
    {"SharedMemoryInTinyChunks", {8000, 100, 1 << 30, true}},
    {"Messages", {1 << 20, 32 << 10, 1 << 30, false}},
    {"MessagesInTinyChunks", {8000, 100, 1 << 30, false}},
    {"MessagesCutIntoTinyOnes", {1 << 16, 1 << 10, 10000, false}},
};

class CommunicatorMpi : public testing::TestWithParam<Way> {
 protected:
  CommunicatorMpi() : axes_(test_runtime().split(Grid{test_runtime().world_size(), 1}, GetParam().limits)) {}
  [[nodiscard]] suite::Subject subject() const { return {*axes_.data, Device{}, Stream{}}; }

 private:
  Runtime::Axes axes_;
};

TEST_P(CommunicatorMpi, SumsExactly) { suite::sums_exactly(subject()); }
TEST_P(CommunicatorMpi, FindsMaximaAndMinima) { suite::finds_maxima_and_minima(subject()); }
TEST_P(CommunicatorMpi, MovesEveryElement) { suite::moves_every_element(subject()); }
TEST_P(CommunicatorMpi, WorksInPlace) { suite::works_in_place(subject()); }
TEST_P(CommunicatorMpi, SumsInRankOrderWithOneRounding) { suite::sums_in_rank_order(subject()); }
TEST_P(CommunicatorMpi, SumsAlongTheTree) { suite::sums_along_the_tree(subject()); }
TEST_P(CommunicatorMpi, RepeatsTheSameBits) { suite::repeats_the_same_bits(subject()); }
TEST_P(CommunicatorMpi, KeepsCallsApart) { suite::keeps_calls_apart(subject()); }
TEST_P(CommunicatorMpi, RefusesWrongArguments) { suite::refuses_wrong_arguments(subject()); }
TEST_P(CommunicatorMpi, CountsItsUsage) { suite::counts_its_usage(subject()); }

TEST_P(CommunicatorMpi, SumsLargeBuffersOfManyChunks) {
  const suite::Subject s = subject();
  const std::int64_t n = (std::int64_t{3} << 20) / 4 * 2 + 5;  // 6 MiB and a little
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    values[static_cast<std::size_t>(i)] = static_cast<float>((s.comm.rank() + 1) * (i % 1000));
  }
  s.comm.all_reduce(host_tensor(values.data(), {n}), Reduce::sum, s.stream);
  const int sum = s.comm.size() * (s.comm.size() + 1) / 2;
  for (std::int64_t i = 0; i < n; ++i) {
    ASSERT_EQ(values[static_cast<std::size_t>(i)], static_cast<float>(sum * (i % 1000))) << i;
  }
}

TEST_P(CommunicatorMpi, SumsHalfPrecision) {
  const suite::Subject s = subject();
  // Halves of the integers 0 to 10, and of their multiples by the sum 1, 3 or 10 of the ranks.
  const auto half_of = [](int x) {
    if (x == 0) return std::uint16_t{0};
    int exponent = 0;
    while ((x >> (exponent + 1)) != 0) ++exponent;
    return static_cast<std::uint16_t>(((exponent + 15) << 10) + ((x << (10 - exponent)) & 0x3FF));
  };
  std::vector<std::uint16_t> values(999);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = half_of((s.comm.rank() + 1) * static_cast<int>(i % 11));
  const Tensor buffer{reinterpret_cast<std::byte*>(values.data()), {999}, DType::f16, Device{}};
  s.comm.all_reduce(buffer, Reduce::sum, s.stream);
  const int sum = s.comm.size() * (s.comm.size() + 1) / 2;
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], half_of(sum * static_cast<int>(i % 11))) << i;
}

TEST_P(CommunicatorMpi, KeepsNotANumber) {
  const suite::Subject s = subject();
  for (const Reduce op : {Reduce::sum, Reduce::max, Reduce::min}) {
    std::vector<float> values(40, 1.0F);
    // The last rank has a NaN, so it must win over every number before it.
    if (s.comm.rank() == s.comm.size() - 1) values[17] = std::numeric_limits<float>::quiet_NaN();
    s.comm.all_reduce(host_tensor(values.data(), {40}), op, s.stream);
    EXPECT_NE(values[17], values[17]);
    EXPECT_EQ(values[16], op == Reduce::sum ? static_cast<float>(s.comm.size()) : 1.0F);
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, CommunicatorMpi, testing::ValuesIn(kWays),
                         [](const testing::TestParamInfo<Way>& info) { return std::string(info.param.name); });

TEST(CommunicatorsMpi, AxesAndWorldCanTakeTurns) {
  Runtime& runtime = test_runtime();
  const int world = runtime.world_size();
  const int tensor = world % 2 == 0 ? 2 : 1;
  const Grid grid{world / tensor, tensor};
  for (const bool shared : {true, false}) {
    HostLimits limits;
    limits.shared_memory = shared;
    const Runtime::Axes axes = runtime.split(grid, limits);
    for (Communicator* comm : {axes.tensor.get(), &runtime.world(), axes.data.get()}) {
      suite::sums_in_rank_order({*comm, Device{}, Stream{}});
      suite::sums_along_the_tree({*comm, Device{}, Stream{}});
    }
    for (int turn = 0; turn < 20; ++turn) {
      std::int32_t x = 1;
      const Tensor one = host_tensor(&x, {1});
      axes.tensor->all_reduce(one, Reduce::sum, Stream{});
      axes.data->all_reduce(one, Reduce::sum, Stream{});
      EXPECT_EQ(x, world);
      runtime.world().all_reduce(one, Reduce::sum, Stream{});
      EXPECT_EQ(x, world * world);
    }
  }
}

TEST(CommunicatorsMpi, SharedMemoryAndMessagesGiveTheSameBits) {
  Runtime& runtime = test_runtime();
  const std::int64_t n = 50001;
  std::vector<std::vector<float>> results;
  for (const Way& way : kWays) {
    const Runtime::Axes axes = runtime.split(Grid{runtime.world_size(), 1}, way.limits);
    std::vector<float> values(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) {
      values[static_cast<std::size_t>(i)] = 1.0F / static_cast<float>(i + 3 + 1000 * runtime.world_rank());
    }
    axes.data->all_reduce(host_tensor(values.data(), {n}), Reduce::sum, Stream{});
    results.push_back(values);
  }
  for (const auto& result : results) {
    EXPECT_EQ(std::memcmp(result.data(), results[0].data(), result.size() * sizeof(float)), 0);
  }
}

TEST(CommunicatorsMpi, LimitsThatMpiCannotKeepAreRefused) {
  HostLimits limits;
  limits.message_bytes = std::int64_t{1} << 31;
  EXPECT_THROW((void)test_runtime().split(Grid{test_runtime().world_size(), 1}, limits), Error);
}

}  // namespace
}  // namespace phalanx
