// Products of linear layers against double precision: all instruction sets, dtypes, bf16 paths and weight layouts.
#include "model/ops/linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "model/ops/linear_onednn.h"
#include "tests/support/arrays.h"
#include "tests/support/bounds.h"
#include "tests/support/exec.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using phalanx::testing::Array;
using phalanx::testing::CpuExec;
using phalanx::testing::dot_bound;
using phalanx::testing::normal_array;
using phalanx::testing::PlanningExec;
using phalanx::testing::ThreadCount;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Sets an environment variable for a scope.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    if (!value.empty()) setenv(name, value.c_str(), 1);
  }
  ~ScopedVariable() { unsetenv(name_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
};

// One layer of N rows with everything that its three products read and write.
struct Layer {
  Layer(std::int64_t rows, std::int64_t outputs, std::int64_t inputs, DType type)
      : N(rows),
        OC(outputs),
        IC(inputs),
        dtype(type),
        x(normal_array({N, IC}, type, 1)),
        w(normal_array({OC, IC}, type, 2)),
        bias(normal_array({OC}, type, 3)),
        dy(normal_array({N, OC}, type, 4)),
        y({N, OC}, type),
        dx({N, IC}, type),
        dw(normal_array({OC, IC}, DType::f32, 5)),
        dbias(normal_array({OC}, DType::f32, 6)) {}

  LinearWeight weight(const Exec& exec, bool packed) {
    LinearWeight weight{.plain = w.tensor(), .packed_forward = {}, .packed_backward = {}};
    if (!packed) return weight;
    const auto reserve = [](std::vector<std::byte>& blob, std::int64_t bytes) {
      blob.resize(static_cast<std::size_t>(bytes));
      return bytes == 0 ? Tensor{} : Tensor{blob.data(), {bytes}, DType::u8, Device{}};
    };
    weight.packed_forward = reserve(forward_blob, packed_forward_bytes(exec, OC, IC, dtype));
    weight.packed_backward = reserve(backward_blob, packed_backward_bytes(exec, OC, IC, dtype));
    pack_weight(exec, weight);
    return weight;
  }

  void run(const Exec& exec, bool packed, Write write = Write::accumulate) {
    const LinearWeight lw = weight(exec, packed);
    linear_forward(exec, {.y = y.tensor(), .x = x.tensor(), .w = lw, .bias = bias.tensor()});
    linear_backward_input(exec, {.dx = dx.tensor(), .dy = dy.tensor(), .w = lw});
    linear_backward_weight(
        exec, {.dw = dw.tensor(), .dbias = dbias.tensor(), .dy = dy.tensor(), .x = x.tensor(), .write = write});
  }

  std::int64_t N, OC, IC;
  DType dtype;
  Array x, w, bias, dy, y, dx, dw, dbias;
  std::vector<std::byte> forward_blob, backward_blob;
};

struct Dot {
  double value = 0.0, magnitude = 0.0;
  void add(double a, double b) {
    value += a * b;
    magnitude += std::abs(a * b);
  }
};

void expect_forward(const Layer& l) {
  for (std::int64_t n = 0; n < l.N; ++n) {
    for (std::int64_t o = 0; o < l.OC; ++o) {
      Dot dot;
      dot.add(l.bias[o], 1.0);
      for (std::int64_t i = 0; i < l.IC; ++i) dot.add(l.x[n * l.IC + i], l.w[o * l.IC + i]);
      const auto terms = static_cast<double>(l.IC + 1);
      ASSERT_NEAR(l.y[n * l.OC + o], dot.value, dot_bound(terms, dot.magnitude, dot.value, l.dtype)) << n << ", " << o;
    }
  }
}

void expect_backward_input(const Layer& l) {
  for (std::int64_t n = 0; n < l.N; ++n) {
    for (std::int64_t i = 0; i < l.IC; ++i) {
      Dot dot;
      for (std::int64_t o = 0; o < l.OC; ++o) dot.add(l.dy[n * l.OC + o], l.w[o * l.IC + i]);
      const auto terms = static_cast<double>(l.OC);
      ASSERT_NEAR(l.dx[n * l.IC + i], dot.value, dot_bound(terms, dot.magnitude, dot.value, l.dtype)) << n << ", " << i;
    }
  }
}

// dw and dbias held seeded values before: they must have been added to.
void expect_backward_weight(const Layer& l) {
  const Layer before(l.N, l.OC, l.IC, l.dtype);
  const auto terms = static_cast<double>(l.N + 1);
  for (std::int64_t o = 0; o < l.OC; ++o) {
    for (std::int64_t i = 0; i < l.IC; ++i) {
      Dot dot;
      dot.add(before.dw[o * l.IC + i], 1.0);
      for (std::int64_t n = 0; n < l.N; ++n) dot.add(l.dy[n * l.OC + o], l.x[n * l.IC + i]);
      ASSERT_NEAR(l.dw[o * l.IC + i], dot.value, dot_bound(terms, dot.magnitude, dot.value, DType::f32))
          << o << ", " << i;
    }
    Dot dot;
    dot.add(before.dbias[o], 1.0);
    for (std::int64_t n = 0; n < l.N; ++n) dot.add(l.dy[n * l.OC + o], 1.0);
    ASSERT_NEAR(l.dbias[o], dot.value, dot_bound(terms, dot.magnitude, dot.value, DType::f32)) << o;
  }
}

// level, dtype and bf16 path, weights packed or plain
struct Way {
  const OpTable* table;
  DType dtype;
  const char* path;
  bool packed;
};

std::vector<Way> all_ways() {
  std::vector<Way> ways;
  for (const OpTable* table : usable_cpu_op_tables()) {
    for (const bool packed : {false, true}) {
      ways.push_back({table, DType::f32, "", packed});
      ways.push_back({table, DType::bf16, "native", packed});
      ways.push_back({table, DType::bf16, "pairs", packed});
      ways.push_back({table, DType::bf16, "panels", packed});
    }
  }
  return ways;
}

std::string way_name(const ::testing::TestParamInfo<Way>& info) {
  const Way& way = info.param;
  return str(way.table->name, "_", name_of(way.dtype), way.path, way.packed ? "_packed" : "_plain");
}

class Linear : public ::testing::TestWithParam<Way> {
 protected:
  const Exec& exec() const { return cpu_.exec(); }

 private:
  ScopedVariable path_{"PHALANX_BF16", GetParam().path};
  CpuExec cpu_{std::int64_t{1} << 27, *GetParam().table};
};

TEST_P(Linear, ProductsMatchDoublePrecision) {
  constexpr std::int64_t kShapes[][3] = {{1, 1, 1},    {1, 33, 129},  {31, 1, 33},    {33, 129, 31},
                                         {129, 33, 1}, {70, 257, 96}, {1100, 31, 33}, {5, 1060, 31}};
  for (const auto& [N, OC, IC] : kShapes) {
    SCOPED_TRACE(str("N=", N, " OC=", OC, " IC=", IC));
    Layer layer(N, OC, IC, GetParam().dtype);
    layer.run(exec(), GetParam().packed);
    expect_forward(layer);
    expect_backward_input(layer);
    expect_backward_weight(layer);
  }
}

TEST_P(Linear, SameBitsForAnyNumberOfThreads) {
  constexpr std::int64_t kShapes[][3] = {{129, 193, 257}, {256, 1152, 384}, {1100, 33, 96}, {4096, 64, 64}};
  for (const auto& [N, OC, IC] : kShapes)
    for (const Write write : {Write::accumulate, Write::overwrite}) {
      std::vector<Layer> layers;
      for (const int threads : {1, 2, 3, 8}) {
        const ThreadCount scoped(threads);
        layers.emplace_back(N, OC, IC, GetParam().dtype).run(exec(), GetParam().packed, write);
      }
      for (const Layer& layer : layers) {
        EXPECT_TRUE(layer.y.bytes() == layers[0].y.bytes()) << "y, N=" << N;
        EXPECT_TRUE(layer.dx.bytes() == layers[0].dx.bytes()) << "dx, N=" << N;
        EXPECT_TRUE(layer.dw.bytes() == layers[0].dw.bytes()) << "dw, N=" << N;
        EXPECT_TRUE(layer.dbias.bytes() == layers[0].dbias.bytes()) << "dbias, N=" << N;
      }
    }
}

TEST_P(Linear, PackedWeightsServeAnyNumberOfThreads) {
  Layer layer(64, 96, 160, GetParam().dtype);
  const LinearWeight weight = layer.weight(exec(), GetParam().packed);
  const ThreadCount scoped(1);
  linear_forward(exec(), {.y = layer.y.tensor(), .x = layer.x.tensor(), .w = weight, .bias = layer.bias.tensor()});
  linear_backward_input(exec(), {.dx = layer.dx.tensor(), .dy = layer.dy.tensor(), .w = weight});
  expect_forward(layer);
  expect_backward_input(layer);
}

TEST_P(Linear, PlanningTakesTheWorkspaceThatRunningTakes) {
  for (const Write write : {Write::accumulate, Write::overwrite}) {
    const PlanningExec plan;
    Layer layer(1100, 1060, 65, GetParam().dtype);
    layer.run(plan.exec(), GetParam().packed, write);
    EXPECT_GT(plan.peak(), 0);
    const CpuExec exact(plan.peak(), *GetParam().table);
    layer.run(exact.exec(), GetParam().packed, write);
    EXPECT_EQ(exact.workspace().peak(), plan.peak());
    EXPECT_EQ(exact.workspace().mark(), 0);
  }
}

TEST_P(Linear, OverwritingForgetsWhatWasThere) {
  constexpr std::int64_t kShapes[][3] = {{0, 33, 96}, {129, 33, 96}, {1100, 33, 96}, {130, 520, 512}};
  for (const auto& [N, OC, IC] : kShapes) {
    Layer added(N, OC, IC, GetParam().dtype), set(N, OC, IC, GetParam().dtype);
    added.dw.fill(0.0);
    set.dw.fill(std::numeric_limits<double>::quiet_NaN());
    for (Layer* layer : {&added, &set}) {
      linear_backward_weight(exec(), {.dw = layer->dw.tensor(),
                                      .dbias = {},
                                      .dy = layer->dy.tensor(),
                                      .x = layer->x.tensor(),
                                      .write = layer == &set ? Write::overwrite : Write::accumulate});
    }
    for (std::int64_t i = 0; i < set.dw.count(); ++i) ASSERT_EQ(set.dw[i], added.dw[i]) << i << ", N=" << N;
  }
}

TEST_P(Linear, NoRowsLeaveGradientsAlone) {
  Layer layer(0, 33, 31, GetParam().dtype);
  layer.run(exec(), GetParam().packed);
  EXPECT_EQ(layer.dw.bytes(), Layer(0, 33, 31, GetParam().dtype).dw.bytes());
}

INSTANTIATE_TEST_SUITE_P(Cpu, Linear, ::testing::ValuesIn(all_ways()), way_name);

TEST(LinearChecks, MisuseNamesTheTensor) {
  const CpuExec cpu;
  Layer l(3, 5, 7, DType::f32);
  Layer other(3, 6, 7, DType::f32);
  Layer low(3, 5, 7, DType::bf16);
  const LinearWeight w = l.weight(cpu.exec(), false);
  const auto forward = [&](const LinearForward& a) { return [&, a] { linear_forward(cpu.exec(), a); }; };
  EXPECT_THAT(forward({.y = other.y.tensor(), .x = l.x.tensor(), .w = w, .bias = {}}),
              ThrowsMessage<Error>(HasSubstr("linear_forward: w.plain is (5, 7) fp32, expected (6, 7) fp32")));
  EXPECT_THAT(forward({.y = low.y.tensor(), .x = l.x.tensor(), .w = w, .bias = {}}),
              ThrowsMessage<Error>(HasSubstr("linear_forward: y is (3, 5) bf16, expected (3, 5) fp32")));
  EXPECT_THAT(forward({.y = l.y.tensor(), .x = {}, .w = w, .bias = {}}),
              ThrowsMessage<Error>(HasSubstr("linear_forward: x is undefined")));
  EXPECT_THAT(forward({.y = l.y.tensor(), .x = l.x.tensor(), .w = w, .bias = other.bias.tensor()}),
              ThrowsMessage<Error>(HasSubstr("linear_forward: bias is (6) fp32, expected (5) fp32")));
  EXPECT_THAT([&] { linear_backward_input(cpu.exec(), {.dx = other.y.tensor(), .dy = l.dy.tensor(), .w = w}); },
              ThrowsMessage<Error>(HasSubstr("linear_backward_input: w.plain is (5, 7) fp32, expected (5, 6) fp32")));
  EXPECT_THAT(
      [&] {
        linear_backward_weight(cpu.exec(),
                               {.dw = low.w.tensor(), .dbias = {}, .dy = low.dy.tensor(), .x = low.x.tensor()});
      },
      ThrowsMessage<Error>(HasSubstr("linear_backward_weight: dw is (5, 7) bf16, expected (5, 7) fp32")));
  EXPECT_THAT([&] { (void)packed_backward_bytes(cpu.exec(), 0, 7, DType::f32); },
              ThrowsMessage<Error>(HasSubstr("expected sizes above 0")));
}

TEST(LinearChecks, UnknownBf16PathNamesTheKnown) {
  const ScopedVariable path("PHALANX_BF16", "fast");
  EXPECT_THAT([] { (void)onednn::bf16_path(); },
              ThrowsMessage<UsageError>(HasSubstr("PHALANX_BF16=fast: expected native, pairs or panels")));
}

TEST(LinearChecks, DescriptionNamesTheBf16Path) {
  const CpuExec cpu;
  EXPECT_THAT(describe_products(cpu.exec(), DType::f32), HasSubstr("oneDNN 2."));
  const ScopedVariable path("PHALANX_BF16", "panels");
  EXPECT_THAT(describe_products(cpu.exec(), DType::bf16), HasSubstr("multiplied in fp32"));
}

TEST(OpTable, UnknownLevelIsRefused) {
  const ScopedVariable level("PHALANX_CPU_LEVEL", "v9");
  EXPECT_THAT([] { (void)cpu_op_table(); }, ThrowsMessage<UsageError>(HasSubstr("PHALANX_CPU_LEVEL=v9")));
}

TEST(OpTable, LevelCanBeLowered) {
  const ScopedVariable level("PHALANX_CPU_LEVEL", "v3");
  EXPECT_STREQ(cpu_op_table().name, "cpu_v3");
}

TEST(OpTable, HasEveryOp) {
  for (const OpTable* table : usable_cpu_op_tables()) {
    const auto* words = reinterpret_cast<const void* const*>(table);
    for (std::size_t i = 0; i < sizeof(OpTable) / sizeof(void*); ++i) EXPECT_NE(words[i], nullptr) << i;
  }
}

}  // namespace
}  // namespace phalanx::ops
