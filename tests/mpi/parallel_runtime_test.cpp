// What every rank knows of itself, and the axes of the grid.
#include <gtest/gtest.h>

#include <vector>

#include "core/host.h"
#include "core/log.h"
#include "tests/support/mpi_main.h"

namespace phalanx {
namespace {

TEST(RuntimeMpi, EveryRankHasItsOwnPlaceInTheWorld) {
  Runtime& runtime = test_runtime();
  const int size = runtime.world_size();
  EXPECT_EQ(runtime.world().size(), size);
  EXPECT_EQ(runtime.world().rank(), runtime.world_rank());
  std::vector<std::int32_t> ranks(static_cast<std::size_t>(size));
  std::int32_t mine = runtime.world_rank();
  runtime.world().all_gather(host_tensor(ranks.data(), {size}), host_tensor(&mine, {1}), Stream{});
  for (int r = 0; r < size; ++r) EXPECT_EQ(ranks[static_cast<std::size_t>(r)], r);
}

TEST(RuntimeMpi, RanksOfOneHostAreCounted) {
  Runtime& runtime = test_runtime();
  EXPECT_EQ(runtime.local_size(), runtime.world_size());  // these tests run on one host
}

TEST(RuntimeMpi, LogLinesCarryTheRankUnderMpirun) {
  Runtime& runtime = test_runtime();
  const std::string expected =
      runtime.world_size() == 1 ? std::string() : str("[rank ", runtime.world_rank(), " @ ", host_name(), "] ");
  EXPECT_EQ(log::identity_prefix(), expected);
}

TEST(RuntimeMpi, AxesFollowTheGrid) {
  Runtime& runtime = test_runtime();
  const int world = runtime.world_size();
  for (int tensor = 1; tensor <= world; ++tensor) {
    if (world % tensor != 0) continue;
    const Grid grid{world / tensor, tensor};
    const Runtime::Axes axes = runtime.split(grid);
    const Coord here = grid.coord(runtime.world_rank());
    EXPECT_EQ(axes.data->name(), "data");
    EXPECT_EQ(axes.tensor->name(), "tensor");
    EXPECT_EQ(axes.data->size(), grid.data);
    EXPECT_EQ(axes.tensor->size(), grid.tensor);
    EXPECT_EQ(axes.data->rank(), here.data);
    EXPECT_EQ(axes.tensor->rank(), here.tensor);

    std::int32_t data_sum = runtime.world_rank();
    axes.data->all_reduce(host_tensor(&data_sum, {1}), Reduce::sum, Stream{});
    int expected = 0;
    for (int d = 0; d < grid.data; ++d) expected += grid.world_rank({d, here.tensor});
    EXPECT_EQ(data_sum, expected);

    std::int32_t tensor_sum = runtime.world_rank();
    axes.tensor->all_reduce(host_tensor(&tensor_sum, {1}), Reduce::sum, Stream{});
    expected = 0;
    for (int t = 0; t < grid.tensor; ++t) expected += grid.world_rank({here.data, t});
    EXPECT_EQ(tensor_sum, expected);
  }
}

TEST(RuntimeMpi, AGridOfAnotherSizeIsRefusedByName) {
  Runtime& runtime = test_runtime();
  try {
    (void)runtime.split(Grid{runtime.world_size() + 1, 1});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("parallel.data"), std::string::npos) << error.what();
  }
}

TEST(RuntimeMpi, ASecondRuntimeIsRefused) { EXPECT_THROW(Runtime(nullptr, nullptr), Error); }

}  // namespace
}  // namespace phalanx
