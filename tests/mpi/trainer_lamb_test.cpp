// LAMB over pieces of tensors: the golden steps of tests/golden/make_lamb_golden.py, to the same bits at every layout.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "model/ops/op_table.h"
#include "parallel/comm_self.h"
#include "parallel/shard_index.h"
#include "tests/support/mpi_main.h"
#include "trainer/optimizer/lamb.h"

namespace phalanx {
namespace {

constexpr int kSteps = 5;
constexpr double kRate = 6e-3;
constexpr AdamwOptions kOptions{.beta1 = 0.9F, .beta2 = 0.999F, .epsilon = 1e-6F, .weight_decay = 0.01F};

struct Entry {
  ParamSpec spec;
  double size;  // of its weights
};

// The table of make_lamb_golden.py, cut in every way there is.
std::vector<Entry> entries() {
  return {{{.name = "embedding", .shape = {37, 6}, .split = Split::rows, .decay = true, .vocabulary = true}, 0.2},
          {{.name = "qkv.weight", .shape = {3, 4, 3, 6}, .split = Split::heads, .decay = true}, 0.5},
          {{.name = "qkv.bias", .shape = {3, 4, 3}, .split = Split::heads}, 0.1},
          {{.name = "down.weight", .shape = {6, 20}, .split = Split::columns, .decay = true}, 0.05},
          {{.name = "norm.gamma", .shape = {6}}, 1.0},
          {{.name = "late.weight", .shape = {4, 5}, .decay = true}, 0.0}};
}

ParamTable table() {
  ParamTable table;
  for (const Entry& entry : entries()) table.push_back(entry.spec);
  return table;
}

nlohmann::json golden() {
  std::ifstream stream(std::string(PHALANX_SOURCE_DIR) + "/tests/golden/lamb_golden.json");
  return nlohmann::json::parse(stream);
}

// One rank's share of the table, of `shards` virtual tensor shards and, if `shard_state`, one part per data rank.
struct Share {
  Share(Grid grid, Coord coord, int shards, bool shard_state, DType dtype)
      : counts(shard_state || coord.data == 0),
        exec{Device{}, Stream{}, &arena, &ops::cpu_op_table()},
        layout(table(), {shards, coord.tensor * (shards / grid.tensor), shards / grid.tensor},
               shard_state ? grid.data : 1, 500),
        parameters(layout, {}, dtype, exec, arena, &arena),
        state(layout, parameters, shard_state ? coord.data : 0, coord.tensor, true, arena),
        lamb(layout, parameters, state, counts, arena) {
    fill_zero(state.m(), {});
    fill_zero(state.v(), {});
    each_element([&](int k, std::int64_t g, const OwnedPiece& piece, std::int64_t i) {
      const double size = entries()[static_cast<std::size_t>(k)].size;
      state.master().as<float>()[piece.own_offset + i] =
          g < 0 ? 0.0F : static_cast<float>(size * std::sin(1.7 * static_cast<double>(g) + 0.9 * k));
    });
  }

  // use(spec, global index or -1, piece, index in it)
  template <class Use>
  void each_element(Use use) const {
    for (const OwnedPiece& piece : state.pieces()) {
      const ParamSpec& spec = layout.table()[static_cast<std::size_t>(piece.spec)];
      for (std::int64_t i = 0; i < piece.count; ++i) {
        use(piece.spec, global_index(spec, piece.shard, piece.shard_count, piece.begin + i), piece, i);
      }
    }
  }

  void step(int s, double clip_factor, Communicator& world) const {
    each_element([&](int k, std::int64_t g, const OwnedPiece& piece, std::int64_t i) {
      const double gradient = (0.02 + 0.05 * k) * std::cos(0.37 * static_cast<double>(g) + 0.7 * k + 1.1 * s);
      parameters.flat_gradients().as<float>()[piece.flat_offset + i] = g < 0 ? 0.0F : static_cast<float>(gradient);
    });
    lamb.update(exec, kOptions, kRate, static_cast<float>(clip_factor), s + 1, world);
  }

  // All masters by tensor and global index. Collective.
  [[nodiscard]] std::vector<std::vector<float>> masters(Communicator& world) const {
    std::vector<std::vector<float>> all;
    for (const ParamSpec& spec : layout.table()) all.emplace_back(spec.shape.count(), 0.0F);
    each_element([&](int k, std::int64_t g, const OwnedPiece& piece, std::int64_t i) {
      const float value = state.master().as<float>()[piece.own_offset + i];
      if (g < 0) {
        EXPECT_EQ(value, 0.0F) << "padding moved";
      } else if (counts && piece.primary) {
        all[static_cast<std::size_t>(k)][static_cast<std::size_t>(g)] = value;
      }
    });
    for (auto& values : all) {  // one rank has each element, the others zero
      world.all_reduce(host_tensor(values.data(), {static_cast<std::int64_t>(values.size())}), Reduce::sum, {});
    }
    return all;
  }

  bool counts;
  Arena arena{"lamb", Device{}, std::int64_t{1} << 20};
  ops::Exec exec;
  ParamLayout layout;
  Parameters parameters;
  OptimizerState state;
  Lamb lamb;
};

std::vector<std::vector<float>> run(const Share& share, Communicator& world) {
  const nlohmann::json factors = golden()["clip_factors"];
  for (int s = 0; s < kSteps; ++s) share.step(s, factors[static_cast<std::size_t>(s)].get<double>(), world);
  return share.masters(world);
}

std::vector<std::vector<float>> serial_masters() {
  const auto self = make_self_communicator("self");
  const Share share({1, 1}, {0, 0}, 1, true, DType::f32);
  return run(share, *self);
}

TEST(Lamb, FiveStepsMatchTheFormulaInFloat64) {
  const auto masters = serial_masters();
  const nlohmann::json weights = golden()["weights"];
  for (std::size_t k = 0; k < masters.size(); ++k) {
    const auto want = weights[entries()[k].spec.name].get<std::vector<double>>();
    ASSERT_EQ(masters[k].size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      // Five updates of a rate of 6e-3 times |w|, each with about ten roundings of 2^-24, and the master's own.
      ASSERT_NEAR(masters[k][i], want[i], 1e-6 * std::abs(want[i]) + 1e-8) << entries()[k].spec.name << "[" << i << "]";
    }
  }
}

TEST(Lamb, HasTheSameBitsAtEveryLayout) {
  const auto want = serial_masters();
  const int ranks = test_runtime().world_size();
  for (int tensor = 1; tensor <= ranks; tensor *= 2) {
    const Grid grid{ranks / tensor, tensor};
    for (const int shards : {tensor, 4}) {
      for (const bool shard_state : {true, false}) {
        const Share share(grid, grid.coord(test_runtime().world_rank()), shards, shard_state, DType::f32);
        EXPECT_EQ(run(share, test_runtime().world()), want)
            << grid.data << " x " << tensor << ", " << shards << " shards, " << shard_state;
      }
    }
  }
}

TEST(Lamb, WeightsInBf16AreTheMastersRounded) {
  const Grid grid{test_runtime().world_size(), 1};
  const Share share(grid, grid.coord(test_runtime().world_rank()), 1, true, DType::bf16);
  EXPECT_EQ(run(share, test_runtime().world()), serial_masters());
  share.each_element([&](int /*spec*/, std::int64_t /*index*/, const OwnedPiece& piece, std::int64_t i) {
    const float master = share.state.master().as<float>()[piece.own_offset + i];
    const bf16 weight = share.parameters.flat_weights().as<bf16>()[piece.flat_offset + i];
    ASSERT_EQ(static_cast<float>(weight), static_cast<float>(bf16(master)));
  });
}

TEST(Lamb, DirectionThatIsNotFiniteStopsAllRanksBeforeAWeightMoves) {
  const Grid grid{test_runtime().world_size(), 1};
  const Share share(grid, grid.coord(test_runtime().world_rank()), 1, true, DType::f32);
  const auto before = share.masters(test_runtime().world());
  EXPECT_THROW(share.step(0, std::numeric_limits<double>::quiet_NaN(), test_runtime().world()), AgreedError);
  EXPECT_EQ(share.masters(test_runtime().world()), before);
}

}  // namespace
}  // namespace phalanx
