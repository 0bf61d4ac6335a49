// Attention of 1,024 tokens with 12 heads of 64 channels (GPT-2 124M), cut into sequences of T. FLOP counted as the
// algorithm needs them: 4 HS per visible pair of query and key forward, 10 HS backward, exponentials not counted.
#include "model/ops/attention.h"

#include "core/arena.h"
#include "tests/bench/limits.h"

namespace phalanx::bench {
namespace {

constexpr std::int64_t kTokens = 1024;
constexpr std::int64_t NH = 12;
constexpr std::int64_t HS = 64;

enum class Pass : std::uint8_t { forward, backward };

void attention(benchmark::State& state, Pass pass, DType dtype, bool causal, float rate) {
  const std::int64_t T = state.range(0);
  const std::int64_t B = kTokens / T;
  Arena arena("attention", Device{}, std::int64_t{64} << 20);
  const Shape rows{B, T, NH, HS};
  const Shape packed{B, T, 3, NH, HS};
  const Tensor sequences = arena.take({B}, DType::i64);
  const ops::AttentionMask mask{causal, 0, {}, {}};
  const ops::Dropout dropout{rate, 1, Purpose::attention_dropout, 0, sequences};
  const ops::AttentionForward forward{arena.take(rows, dtype), arena.take({B, NH, T}, DType::f32),
                                      arena.take(packed, dtype), mask, dropout};
  const ops::AttentionBackward backward{
      arena.take(packed, dtype), arena.take(rows, dtype), forward.qkv, forward.out, forward.lse, mask, dropout};
  const ops::Exec& exec = cpu_exec();
  ops::attention_forward(exec, forward);
  for (auto _ : state) {
    if (pass == Pass::forward) {
      ops::attention_forward(exec, forward);
    } else {
      ops::attention_backward(exec, backward);
    }
  }
  const double pairs =
      static_cast<double>(B * NH) * (causal ? 0.5 * static_cast<double>(T * (T + 1)) : static_cast<double>(T * T));
  report_flops(state, pairs * static_cast<double>(HS) * (pass == Pass::forward ? 4.0 : 10.0), DType::f32);
}

void options(benchmark::internal::Benchmark* bench) {
  bench->UseRealTime()->Unit(benchmark::kMillisecond)->Arg(256)->Arg(512)->Arg(1024);
}

BENCHMARK_CAPTURE(attention, forward_causal_fp32, Pass::forward, DType::f32, true, 0.0F)->Apply(options);
BENCHMARK_CAPTURE(attention, backward_causal_fp32, Pass::backward, DType::f32, true, 0.0F)->Apply(options);
BENCHMARK_CAPTURE(attention, forward_causal_bf16, Pass::forward, DType::bf16, true, 0.0F)->Apply(options);
BENCHMARK_CAPTURE(attention, backward_causal_bf16, Pass::backward, DType::bf16, true, 0.0F)->Apply(options);
BENCHMARK_CAPTURE(attention, forward_full_fp32, Pass::forward, DType::f32, false, 0.0F)->Apply(options);
BENCHMARK_CAPTURE(attention, backward_full_fp32, Pass::backward, DType::f32, false, 0.0F)->Apply(options);
BENCHMARK_CAPTURE(attention, forward_dropout_fp32, Pass::forward, DType::f32, true, 0.1F)->Apply(options);
BENCHMARK_CAPTURE(attention, backward_dropout_fp32, Pass::backward, DType::f32, true, 0.1F)->Apply(options);

}  // namespace
}  // namespace phalanx::bench
