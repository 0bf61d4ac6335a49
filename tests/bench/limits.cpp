#include "tests/bench/limits.h"

#include <algorithm>
#include <chrono>
#include <deque>

#include "model/ops/flat.h"
#include "model/ops/gemm_peak.h"

namespace phalanx::bench {
namespace {

// y += x over 256 MiB each: two reads and a write per number; no cache line is fetched only to be overwritten.
double measure_stream() {
  constexpr std::int64_t kCount = std::int64_t{1} << 26;
  Arena arena("stream", Device{}, 8 * kCount);
  const Tensor x = arena.take({kCount}, DType::f32);
  const Tensor y = arena.take({kCount}, DType::f32);
  double best = 1e9;
  for (int run = 0; run < 8; ++run) {
    const auto start = std::chrono::steady_clock::now();
    ops::add(cpu_exec(), y, x);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 12.0 * static_cast<double>(kCount) / best * 1e-9;
}

// Per second of the benchmark's real time.
void report(benchmark::State& state, const char* name, const char* fraction, double per_iteration, double limit) {
  using benchmark::Counter;
  const double total = per_iteration * 1e-9 * static_cast<double>(state.iterations());
  state.counters[name] = Counter(total, Counter::kIsRate);
  state.counters[fraction] = Counter(total / limit, Counter::kIsRate);
}

}  // namespace

const ops::Exec& cpu_exec() {
  static Arena workspace("workspace", Device{}, std::int64_t{512} << 20);
  static const ops::Exec exec{Device{}, Stream{}, &workspace, &ops::cpu_op_table()};
  return exec;
}

Tensor filled(const Shape& shape, DType dtype) {
  static std::deque<Arena> arenas;
  if (arenas.size() >= 8) arenas.pop_front();  // a benchmark uses at most seven; they must not add up
  arenas.emplace_back("bench", Device{}, shape.count() * bytes_of(dtype));
  const Tensor tensor = arenas.back().take(shape, dtype);
  visit_dtype(dtype, [&]<class T>() { std::fill_n(tensor.as<T>(), tensor.count(), static_cast<T>(0.01F)); });
  return tensor;
}

double gemm_peak(DType dtype) {
  static const double fp32 = ops::measure_gemm_peak(cpu_exec(), DType::f32);
  static const double low = ops::measure_gemm_peak(cpu_exec(), DType::bf16);
  return 1e-9 * (dtype == DType::bf16 ? low : fp32);
}

double stream_bandwidth() {
  static const double gigabytes = measure_stream();
  return gigabytes;
}

void report_flops(benchmark::State& state, double flops, DType dtype) {
  report(state, "GFLOP/s", "of_peak", flops, gemm_peak(dtype));
}

void report_bytes(benchmark::State& state, double bytes) {
  report(state, "GB/s", "of_stream", bytes, stream_bandwidth());
}

}  // namespace phalanx::bench
