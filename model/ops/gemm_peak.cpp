#include "model/ops/gemm_peak.h"

#include <algorithm>

#include "core/clock.h"
#include "core/cuda_module.h"
#include "core/device.h"
#include "core/device_backend.h"
#include "model/ops/linear.h"

namespace phalanx::ops {
namespace {

constexpr double kSeconds = 0.25;  // time to spend, after one product to warm up
constexpr int kLeastRuns = 4;      // on a busy machine too, where one alone may show a fraction of the rate
constexpr int kMostRuns = 64;

// Rows and channels: large enough that edges and start-up do not count.
std::int64_t size_on(Device device) {
  return device.type == DeviceType::cpu ? 1536 : 64 * cuda_module().device->multiprocessors(device.index);
}

double seconds_of(const Exec& exec, const LinearBackwardInput& product) {
  const auto start = Clock::now();
  linear_backward_input(exec, product);
  synchronize(exec.device, exec.stream);
  return seconds_since(start);
}

// Everything that one product needs, in an arena of its own; while planning, only the size of it.
LinearBackwardInput take_product(const Exec& exec, DType dtype) {
  Arena& arena = *exec.workspace;
  const std::int64_t size = size_on(exec.device);
  LinearBackwardInput product;
  product.dy = arena.take({size, size}, dtype);
  product.dx = arena.take({size, size}, dtype);
  product.w.plain = arena.take({size, size}, dtype);
  const std::int64_t bytes = packed_backward_bytes(exec, size, size, dtype);
  if (bytes > 0) product.w.packed_backward = arena.take({bytes}, DType::u8);
  pack_weight(exec, product.w);
  linear_backward_input(exec, product);
  return product;
}

}  // namespace

double measure_gemm_peak(const Exec& exec, DType dtype) {
  Arena plan("gemm_peak", exec.device);
  take_product({exec.device, exec.stream, &plan, nullptr}, dtype);
  Arena arena("gemm_peak", exec.device, plan.peak());
  const Exec own{exec.device, exec.stream, &arena, exec.table};
  const LinearBackwardInput product = take_product(own, dtype);
  double best = seconds_of(own, product);
  double spent = best;
  for (int run = 1; run < kMostRuns && (run < kLeastRuns || spent < kSeconds); ++run) {
    const double seconds = seconds_of(own, product);
    best = std::min(best, seconds);
    spent += seconds;
  }
  const auto size = static_cast<double>(size_on(exec.device));
  return 2.0 * size * size * size / best;
}

}  // namespace phalanx::ops
