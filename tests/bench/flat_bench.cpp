// Flat ops on 32 Mi elements, far larger than the caches: bytes that must move, as a fraction of what scaling in place
// moves.
#include "model/ops/flat.h"

#include "tests/bench/limits.h"

namespace phalanx::bench {
namespace {

constexpr std::int64_t kCount = std::int64_t{1} << 25;

void adamw(benchmark::State& state, DType weight_dtype) {
  const ops::AdamwUpdate a{.master = filled({kCount}, DType::f32),
                           .m = filled({kCount}, DType::f32),
                           .v = filled({kCount}, DType::f32),
                           .grad = filled({kCount}, DType::f32),
                           .weight = weight_dtype == DType::bf16 ? filled({kCount}, DType::bf16) : Tensor{},
                           .learning_rate = 1e-4F,
                           .beta1 = 0.9F,
                           .beta2 = 0.95F,
                           .epsilon = 1e-8F,
                           .weight_decay = 0.1F,
                           .grad_scale = 0.5F,
                           .t = 10};
  const ops::Exec& exec = cpu_exec();
  for (auto _ : state) ops::adamw_update(exec, a);
  report_bytes(state, static_cast<double>(kCount * (weight_dtype == DType::bf16 ? 30 : 28)));
}

void sum_of_squares(benchmark::State& state, DType dtype) {
  const Tensor x = filled({kCount}, dtype);
  double sum = 0.0;
  const ops::Exec& exec = cpu_exec();
  for (auto _ : state) ops::sum_of_squares(exec, host_tensor(&sum, {1}), x);
  report_bytes(state, static_cast<double>(x.bytes()));
}

void cast(benchmark::State& state, DType to, DType from) {
  const Tensor x = filled({kCount}, from);
  const Tensor y = filled({kCount}, to);
  const ops::Exec& exec = cpu_exec();
  for (auto _ : state) ops::cast(exec, y, x);
  report_bytes(state, static_cast<double>(x.bytes() + y.bytes()));
}

void add(benchmark::State& state, DType y_dtype, DType x_dtype) {
  const Tensor y = filled({kCount}, y_dtype);
  const Tensor x = filled({kCount}, x_dtype);
  const ops::Exec& exec = cpu_exec();
  for (auto _ : state) ops::add(exec, y, x);
  report_bytes(state, static_cast<double>(x.bytes() + 2 * y.bytes()));
}

void options(benchmark::internal::Benchmark* bench) { bench->UseRealTime()->Unit(benchmark::kMillisecond); }

BENCHMARK_CAPTURE(adamw, fp32, DType::f32)->Apply(options);
BENCHMARK_CAPTURE(adamw, bf16, DType::bf16)->Apply(options);
BENCHMARK_CAPTURE(sum_of_squares, fp32, DType::f32)->Apply(options);
BENCHMARK_CAPTURE(cast, fp32_to_bf16, DType::bf16, DType::f32)->Apply(options);
BENCHMARK_CAPTURE(cast, bf16_to_fp32, DType::f32, DType::bf16)->Apply(options);
BENCHMARK_CAPTURE(add, fp32_fp32, DType::f32, DType::f32)->Apply(options);
BENCHMARK_CAPTURE(add, bf16_bf16, DType::bf16, DType::bf16)->Apply(options);

}  // namespace
}  // namespace phalanx::bench
