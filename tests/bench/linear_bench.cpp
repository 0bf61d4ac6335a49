// Products of GPT-2 124M and of a small GPT with 1,024 rows: GFLOP/s and fraction of the best large product.
#include "model/ops/linear.h"

#include "tests/bench/limits.h"

namespace phalanx::bench {
namespace {

constexpr std::int64_t kRows = 1024;

struct Layer {
  Layer(const benchmark::State& state, DType type)
      : IC(state.range(0)),
        OC(state.range(1)),
        dtype(type),
        x(filled({kRows, IC}, type)),
        y(filled({kRows, OC}, type)) {
    w.plain = filled({OC, IC}, type);
    const ops::Exec& exec = cpu_exec();
    if (const auto bytes = ops::packed_forward_bytes(exec, OC, IC, type); bytes > 0) w.packed_forward = blob(bytes);
    if (const auto bytes = ops::packed_backward_bytes(exec, OC, IC, type); bytes > 0) w.packed_backward = blob(bytes);
    ops::pack_weight(exec, w);
  }
  static Tensor blob(std::int64_t bytes) {
    Tensor tensor = filled({(bytes + 3) / 4}, DType::f32);
    return {tensor.data, {bytes}, DType::u8, Device{}};
  }
  double flops() const { return 2.0 * kRows * static_cast<double>(IC) * static_cast<double>(OC); }

  std::int64_t IC, OC;
  DType dtype;
  Tensor x, y;
  ops::LinearWeight w;
};

void forward(benchmark::State& state, DType dtype) {
  const Layer l(state, dtype);
  const ops::Exec& exec = cpu_exec();
  for (auto _ : state) ops::linear_forward(exec, {.y = l.y, .x = l.x, .w = l.w, .bias = {}});
  report_flops(state, l.flops(), dtype);
}

void backward_input(benchmark::State& state, DType dtype) {
  const Layer l(state, dtype);
  const ops::Exec& exec = cpu_exec();
  for (auto _ : state) ops::linear_backward_input(exec, {.dx = l.x, .dy = l.y, .w = l.w});
  report_flops(state, l.flops(), dtype);
}

void backward_weight(benchmark::State& state, DType dtype) {
  const Layer l(state, dtype);
  const Tensor dw = filled({l.OC, l.IC}, DType::f32);
  const ops::Exec& exec = cpu_exec();
  for (auto _ : state) ops::linear_backward_weight(exec, {.dw = dw, .dbias = {}, .dy = l.y, .x = l.x});
  report_flops(state, l.flops(), dtype);
}

void pack(benchmark::State& state, DType dtype) {
  const Layer l(state, dtype);
  const ops::Exec& exec = cpu_exec();
  for (auto _ : state) ops::pack_weight(exec, l.w);
  const std::int64_t packed = (l.w.packed_forward.defined() ? l.w.plain.bytes() + l.w.packed_forward.bytes() : 0) +
                              (l.w.packed_backward.defined() ? l.w.plain.bytes() + l.w.packed_backward.bytes() : 0);
  report_bytes(state, static_cast<double>(packed));
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"IC", "OC"})->UseRealTime()->Unit(benchmark::kMillisecond);
  bench->Args({768, 2304})->Args({768, 768})->Args({768, 3072})->Args({3072, 768})->Args({768, 50304});
  bench->Args({384, 1152})->Args({384, 1536})->Args({1536, 384})->Args({384, 8192});
}

BENCHMARK_CAPTURE(forward, fp32, DType::f32)->Apply(shapes);
BENCHMARK_CAPTURE(backward_input, fp32, DType::f32)->Apply(shapes);
BENCHMARK_CAPTURE(backward_weight, fp32, DType::f32)->Apply(shapes);
BENCHMARK_CAPTURE(pack, fp32, DType::f32)->Apply(shapes);
BENCHMARK_CAPTURE(forward, bf16, DType::bf16)->Apply(shapes);
BENCHMARK_CAPTURE(backward_input, bf16, DType::bf16)->Apply(shapes);
BENCHMARK_CAPTURE(backward_weight, bf16, DType::bf16)->Apply(shapes);
BENCHMARK_CAPTURE(pack, bf16, DType::bf16)->Apply(shapes);

}  // namespace
}  // namespace phalanx::bench

BENCHMARK_MAIN();
