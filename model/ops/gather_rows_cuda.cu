// Gathering rows on the GPU. Scattering is deterministic without atomics: the first of the rows that go to one place
// adds up all of them, in order.
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/first_row.cuh"
#include "model/ops/cuda/launch.cuh"
#include "model/ops/cuda/pack.cuh"

namespace phalanx::ops::cuda {
namespace {

constexpr int kThreads = 128;

// Row r comes from (goes to) rows[r]; without rows, the first of part r. A row outside [0, N) is -1: nothing.
struct Places {
  const std::int32_t* rows;  // may be null
  std::int64_t N;
  std::int64_t part;  // rows of a part
  __device__ std::int64_t operator[](std::int64_t r) const {
    if (rows == nullptr) return r * part;
    return rows[r] < N ? rows[r] : -1;
  }
};

Places places_of(const Tensor& rows, std::int64_t N, std::int64_t R) {
  return {rows.defined() ? rows.as<std::int32_t>() : nullptr, N, N / R};
}

// A thread copies `width` elements of y; 4 bytes per element of bf16.
template <class T, int width>
__global__ void gather_packs(T* y, const T* x, Places places, std::int64_t R, std::int64_t C) {
  const std::int64_t i = thread_index() * width;
  if (i >= R * C) return;
  const std::int64_t row = places[i / C];
  store(y + i, row >= 0 ? load<width>(x + row * C + i % C) : Floats<width>{});
}

// A block per row of dy: its threads look for an earlier row with the same place, and only the first goes on. Then each
// thread adds `width` columns of all of them. `accumulate`: to what dx holds.
template <class T, int width>
__global__ void scatter_block_per_row(T* dx, const T* dy, Places places, std::int64_t R, std::int64_t C,
                                      bool accumulate) {
  const std::int64_t r = blockIdx.x;
  const std::int64_t row = places[r];
  if (row < 0) return;
  if (!is_first_of_its_row(places, r)) return;
  for (std::int64_t c = static_cast<std::int64_t>(threadIdx.x) * width; c < C; c += kThreads * width) {
    Floats<width> sum = accumulate ? load<width>(dx + row * C + c) : Floats<width>{};
    for (std::int64_t k = r; k < R; ++k) {
      if (places[k] != row) continue;
      const Floats<width> v = load<width>(dy + k * C + c);
      for (int i = 0; i < width; ++i) sum[i] += v[i];
    }
    store(dx + row * C + c, sum);
  }
}

}  // namespace

void gather_rows(const Exec& exec, const GatherRows& a) {
  const std::int64_t R = a.y.size(0);
  const std::int64_t C = a.y.size(1);
  if (R == 0) return;
  visit_packed(a.y.dtype, C, {a.y, a.x}, [&]<class T, int width>() {
    launch(gather_packs<T, width>, {divide_up(R * C / width, 256)}, exec.stream, a.y.as<T>(), a.x.as<T>(),
           places_of(a.rows, a.x.size(0), R), R, C);
  });
}

void scatter_rows(const Exec& exec, const ScatterRows& a) {
  const std::int64_t R = a.dy.size(0);
  const std::int64_t C = a.dx.size(1);
  const bool accumulate = a.write == Write::accumulate;
  if (!accumulate) fill_zero(a.dx, exec.stream);
  if (R == 0) return;
  visit_packed(a.dx.dtype, C, {a.dx, a.dy}, [&]<class T, int width>() {
    launch(scatter_block_per_row<T, width>, {R, kThreads}, exec.stream, a.dx.as<T>(), a.dy.as<T>(),
           places_of(a.rows, a.dx.size(0), R), R, C, accumulate);
  });
}

}  // namespace phalanx::ops::cuda
