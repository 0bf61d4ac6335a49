// Ops that pass over activations once, on the shapes of GPT-2 124M with 1,024 tokens: bytes of their arguments, read
// and written, as a fraction of the stream bandwidth. Arguments of a few MiB may stay in the last-level cache between
// iterations, as they may in a training step.
#include "core/arena.h"
#include "model/ops/cross_entropy.h"
#include "model/ops/dropout.h"
#include "model/ops/embedding.h"
#include "model/ops/gelu.h"
#include "model/ops/layernorm.h"
#include "tests/bench/limits.h"

namespace phalanx::bench {
namespace {

constexpr std::int64_t N = 1024;
constexpr std::int64_t C = 768;
constexpr std::int64_t F = 3072;
constexpr std::int64_t Vp = 50304;
constexpr std::int64_t V = 50257;

// Zeros of one benchmark, and the bytes of those that count.
class Arguments {
 public:
  explicit Arguments(DType dtype, std::int64_t bytes = std::int64_t{64} << 20)
      : arena_("rows", Device{}, bytes), dtype_(dtype) {}
  Tensor activation(std::int64_t columns) { return counted(arena_.take({N, columns}, dtype_)); }
  Tensor parameter(std::int64_t columns) { return arena_.take({columns}, dtype_); }
  Tensor take(const Shape& shape, DType dtype) { return arena_.take(shape, dtype); }
  Tensor counted(const Tensor& tensor) {
    bytes_ += tensor.bytes();
    return tensor;
  }
  [[nodiscard]] double bytes() const { return static_cast<double>(bytes_); }

 private:
  Arena arena_;
  DType dtype_;
  std::int64_t bytes_ = 0;
};

ops::Dropout dropout_of(Arguments& args, float rate) {
  return {rate, 1, Purpose::residual_dropout_attention, 0, args.take({4}, DType::i64)};
}

void residual_layernorm_forward(benchmark::State& state, DType dtype, float rate) {
  Arguments args(dtype);
  const ops::ResidualLayernormForward a{args.activation(C),         args.activation(C), args.take({N}, DType::f32),
                                        args.take({N}, DType::f32), args.activation(C), args.activation(C),
                                        args.parameter(C),          args.parameter(C),  args.parameter(C),
                                        dropout_of(args, rate)};
  for (auto _ : state) ops::residual_layernorm_forward(cpu_exec(), a);
  report_bytes(state, args.bytes());
}

void residual_layernorm_backward(benchmark::State& state, DType dtype, float rate) {
  Arguments args(dtype);
  const ops::LayernormBackward norm{args.activation(C),         args.take({C}, DType::f32), args.take({C}, DType::f32),
                                    args.activation(C),         args.activation(C),         args.activation(C),
                                    args.take({N}, DType::f32), args.take({N}, DType::f32), args.parameter(C)};
  const Tensor dbranch = rate > 0.0F ? args.activation(C) : norm.dx;
  const ops::ResidualLayernormBackward a{norm, dbranch, args.take({C}, DType::f32), dropout_of(args, rate)};
  for (auto _ : state) ops::residual_layernorm_backward(cpu_exec(), a);
  report_bytes(state, args.bytes());
}

void gelu_forward(benchmark::State& state, DType dtype, ops::Gelu kind) {
  Arguments args(dtype);
  const ops::GeluForward a{args.activation(F), args.activation(F), kind};
  for (auto _ : state) ops::gelu_forward(cpu_exec(), a);
  report_bytes(state, args.bytes());
}

void gelu_backward(benchmark::State& state, DType dtype, ops::Gelu kind) {
  Arguments args(dtype);
  const ops::GeluBackward a{args.activation(F), args.activation(F), args.activation(F), args.take({F}, DType::f32),
                            kind};
  for (auto _ : state) ops::gelu_backward(cpu_exec(), a);
  report_bytes(state, args.bytes());
}

void dropout_apply(benchmark::State& state, DType dtype) {
  Arguments args(dtype);
  const ops::DropoutApply a{args.activation(C), args.activation(C), dropout_of(args, 0.1F)};
  for (auto _ : state) ops::dropout_apply(cpu_exec(), a);
  report_bytes(state, args.bytes());
}

// Tokens spread over the vocabulary, so that rows of the table come from memory.
Tensor spread_tokens(Arguments& args) {
  const Tensor tokens = args.take({N}, DType::i32);
  for (std::int64_t n = 0; n < N; ++n) tokens.as<std::int32_t>()[n] = static_cast<std::int32_t>(n * 7919 % V);
  return tokens;
}

void embedding_forward(benchmark::State& state, DType dtype) {
  Arguments args(dtype, std::int64_t{256} << 20);
  const ops::EmbeddingForward a{args.activation(C),
                                spread_tokens(args),
                                args.take({N}, DType::i32),
                                args.take({Vp, C}, dtype),
                                args.take({N, C}, dtype),
                                {},
                                {}};
  for (auto _ : state) ops::embedding_forward(cpu_exec(), a);
  report_bytes(state, 2.0 * args.bytes());  // a row of the table for each row of y
}

void embedding_backward(benchmark::State& state, DType dtype) {
  Arguments args(dtype, std::int64_t{256} << 20);
  const Tensor dy = args.activation(C);
  const ops::EmbeddingBackward a{args.take({Vp, C}, DType::f32),
                                 args.take({N, C}, DType::f32),
                                 dy,
                                 spread_tokens(args),
                                 args.take({N}, DType::i32),
                                 {},
                                 {}};
  for (auto _ : state) ops::embedding_backward(cpu_exec(), a);
  report_bytes(state, args.bytes() + 8.0 * N * C);  // a row of the table, read and written, for each row of dy
}

void cross_entropy_stats(benchmark::State& state, DType dtype) {
  Arguments args(dtype, std::int64_t{256} << 20);
  const ops::CrossEntropyStats a{args.take({N, 3}, DType::f32), args.activation(Vp), spread_tokens(args), 0, V};
  for (auto _ : state) ops::cross_entropy_stats(cpu_exec(), a);
  report_bytes(state, args.bytes());
}

void cross_entropy_backward(benchmark::State& state, DType dtype) {
  Arguments args(dtype, std::int64_t{256} << 20);
  const ops::CrossEntropyBackward a{args.activation(Vp), args.take({N}, DType::f32), spread_tokens(args), 0, V};
  for (auto _ : state) ops::cross_entropy_backward(cpu_exec(), a);
  report_bytes(state, 2.0 * args.bytes());
}

void options(benchmark::internal::Benchmark* bench) { bench->UseRealTime()->Unit(benchmark::kMillisecond); }

BENCHMARK_CAPTURE(residual_layernorm_forward, fp32, DType::f32, 0.0F)->Apply(options);
BENCHMARK_CAPTURE(residual_layernorm_forward, bf16, DType::bf16, 0.0F)->Apply(options);
BENCHMARK_CAPTURE(residual_layernorm_forward, dropout_fp32, DType::f32, 0.1F)->Apply(options);
BENCHMARK_CAPTURE(residual_layernorm_backward, fp32, DType::f32, 0.0F)->Apply(options);
BENCHMARK_CAPTURE(residual_layernorm_backward, bf16, DType::bf16, 0.0F)->Apply(options);
BENCHMARK_CAPTURE(residual_layernorm_backward, dropout_fp32, DType::f32, 0.1F)->Apply(options);
BENCHMARK_CAPTURE(gelu_forward, tanh_fp32, DType::f32, ops::Gelu::tanh)->Apply(options);
BENCHMARK_CAPTURE(gelu_forward, tanh_bf16, DType::bf16, ops::Gelu::tanh)->Apply(options);
BENCHMARK_CAPTURE(gelu_forward, erf_fp32, DType::f32, ops::Gelu::erf)->Apply(options);
BENCHMARK_CAPTURE(gelu_backward, tanh_fp32, DType::f32, ops::Gelu::tanh)->Apply(options);
BENCHMARK_CAPTURE(gelu_backward, tanh_bf16, DType::bf16, ops::Gelu::tanh)->Apply(options);
BENCHMARK_CAPTURE(gelu_backward, erf_fp32, DType::f32, ops::Gelu::erf)->Apply(options);
BENCHMARK_CAPTURE(dropout_apply, fp32, DType::f32)->Apply(options);
BENCHMARK_CAPTURE(dropout_apply, bf16, DType::bf16)->Apply(options);
BENCHMARK_CAPTURE(embedding_forward, fp32, DType::f32)->Apply(options);
BENCHMARK_CAPTURE(embedding_backward, fp32, DType::f32)->Apply(options);
BENCHMARK_CAPTURE(cross_entropy_stats, fp32, DType::f32)->Apply(options);
BENCHMARK_CAPTURE(cross_entropy_stats, bf16, DType::bf16)->Apply(options);
BENCHMARK_CAPTURE(cross_entropy_backward, fp32, DType::f32)->Apply(options);
BENCHMARK_CAPTURE(cross_entropy_backward, bf16, DType::bf16)->Apply(options);

}  // namespace
}  // namespace phalanx::bench
