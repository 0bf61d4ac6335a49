// What the machine can do, measured once per process, and counters that state a kernel as a fraction of it.
#pragma once

#include <benchmark/benchmark.h>

#include "model/ops/op_table.h"

namespace phalanx::bench {

// An Exec on the CPU with `workspace_bytes` of workspace; lives as long as the process.
const ops::Exec& cpu_exec();

// An array of `count` elements, all 0.01, in memory of its own (never in cache when it is larger than the caches).
Tensor filled(const Shape& shape, DType dtype);

double gemm_peak(DType dtype);  // GFLOP/s
double stream_bandwidth();      // GB/s, read + written, of 256 MiB scaled in place

// Counters "GFLOP/s" and "of_peak", for FLOP per iteration.
void report_flops(benchmark::State& state, double flops, DType dtype);
// Counters "GB/s" and "of_stream", for bytes read + written per iteration.
void report_bytes(benchmark::State& state, double bytes);

}  // namespace phalanx::bench
