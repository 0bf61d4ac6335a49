// LayerNorm on the GPU, alone and fused with the residual. A warp per row; a lane reads packs of 16 bytes, a row's
// three passes after the first come from L1. Statistics in fp32, variance in a second pass.
#include "model/ops/cuda/column_sums.cuh"
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/random.cuh"
#include "model/ops/cuda/reduce.cuh"
#include "model/ops/layernorm_scratch.h"

namespace phalanx::ops::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kRows = kThreads / kWarp;  // of a block
constexpr int kColumnThreads = 64;

// Calls f(c) for the packs of this lane.
template <int width, class F>
__device__ inline void for_packs(std::int64_t C, F&& f) {
  for (std::int64_t c = threadIdx.x % kWarp * width; c < C; c += kWarp * width) f(c);
}

// Row of this warp; every lane of a warp has the same.
__device__ inline std::int64_t warp_row() {
  return static_cast<std::int64_t>(blockIdx.x) * kRows + threadIdx.x / kWarp;
}

struct Statistics {
  float* mean;
  float* rstd;
  float epsilon;
};

// y = (x - mean) * rstd * gamma + beta of one row; beta may be null. `x` was written by the same lanes, if at all.
template <class T, int width>
__device__ inline void normalise_row(T* y, const T* x, const T* gamma, const T* beta, const Statistics& s,
                                     std::int64_t n, std::int64_t C) {
  float sum = 0.0F;
  for_packs<width>(C, [&](std::int64_t c) {
    const Floats<width> v = load<width>(x + c);
    for (int i = 0; i < width; ++i) sum += v[i];
  });
  const float mean = warp_reduce(sum, Add{}) / static_cast<float>(C);
  float squares = 0.0F;
  for_packs<width>(C, [&](std::int64_t c) {
    const Floats<width> v = load<width>(x + c);
    for (int i = 0; i < width; ++i) squares += (v[i] - mean) * (v[i] - mean);
  });
  const float rstd = 1.0F / sqrtf(warp_reduce(squares, Add{}) / static_cast<float>(C) + s.epsilon);
  for_packs<width>(C, [&](std::int64_t c) {
    Floats<width> v = load<width>(x + c);
    const Floats<width> scale = load<width>(gamma + c);
    const Floats<width> shift = beta != nullptr ? load<width>(beta + c) : Floats<width>{};
    for (int i = 0; i < width; ++i) v[i] = fmaf((v[i] - mean) * rstd, scale[i], shift[i]);
    store(y + c, v);
  });
  if (threadIdx.x % kWarp == 0) {
    s.mean[n] = mean;
    s.rstd[n] = rstd;
  }
}

// 4 bytes per element of bf16.
template <class T, int width>
__global__ void layernorm_forward_warp_per_row(T* y, const T* x, const T* gamma, const T* beta, Statistics s,
                                               std::int64_t N, std::int64_t C) {
  const std::int64_t n = warp_row();
  if (n >= N) return;
  normalise_row<T, width>(y + n * C, x + n * C, gamma, beta, s, n, C);
}

// sum = residual + dropout(branch + bias), then its norm. 8 bytes per element of bf16. `sum` may be residual or branch.
template <class T, int width>
__global__ void residual_layernorm_forward_warp_per_row(T* sum, T* y, const T* residual, const T* branch, const T* bias,
                                                        const T* gamma, const T* beta, Dropper dropper, Statistics s,
                                                        std::int64_t N, std::int64_t C) {
  const std::int64_t n = warp_row();
  if (n >= N) return;
  for_packs<width>(C, [&](std::int64_t c) {
    Floats<width> v = load<width>(branch + n * C + c);
    const Floats<width> shift = bias != nullptr ? load<width>(bias + c) : Floats<width>{};
    const Floats<width> before = load<width>(residual + n * C + c);
    for (int i = 0; i < width; ++i) v[i] += shift[i];
    drop(dropper, v, n, c);
    for (int i = 0; i < width; ++i) v[i] += before[i];
    store(sum + n * C + c, v);
  });
  normalise_row<T, width>(y + n * C, sum + n * C, gamma, beta, s, n, C);
}

template <class T>
struct NormInputs {
  const T* dy;
  const T* dx_add;  // may be null
  const T* x;
  const T* gamma;
  const float* mean;
  const float* rstd;
};

// dx = rstd (g - mean(g) - xhat mean(g xhat)) + dx_add, g = dy gamma; dbranch, when not null, = dropout(dx as stored).
// 8 bytes per element of bf16, 10 with dbranch.
template <class T, int width>
__global__ void layernorm_backward_warp_per_row(T* dx, T* dbranch, NormInputs<T> in, Dropper dropper, std::int64_t N,
                                                std::int64_t C) {
  const std::int64_t n = warp_row();
  if (n >= N) return;
  const float mean = in.mean[n];
  const float rstd = in.rstd[n];
  float sum_g = 0.0F;
  float sum_gx = 0.0F;
  for_packs<width>(C, [&](std::int64_t c) {
    const Floats<width> g = load<width>(in.dy + n * C + c);
    const Floats<width> v = load<width>(in.x + n * C + c);
    const Floats<width> scale = load<width>(in.gamma + c);
    for (int i = 0; i < width; ++i) {
      sum_g += g[i] * scale[i];
      sum_gx += g[i] * scale[i] * ((v[i] - mean) * rstd);
    }
  });
  const float mean_g = warp_reduce(sum_g, Add{}) / static_cast<float>(C);
  const float mean_gx = warp_reduce(sum_gx, Add{}) / static_cast<float>(C);
  for_packs<width>(C, [&](std::int64_t c) {
    const Floats<width> g = load<width>(in.dy + n * C + c);
    const Floats<width> v = load<width>(in.x + n * C + c);
    const Floats<width> scale = load<width>(in.gamma + c);
    const Floats<width> more = in.dx_add != nullptr ? load<width>(in.dx_add + n * C + c) : Floats<width>{};
    Floats<width> result;
    for (int i = 0; i < width; ++i) {
      const float xhat = (v[i] - mean) * rstd;
      result[i] = (g[i] * scale[i] - mean_g - xhat * mean_gx) * rstd + more[i];
    }
    store(dx + n * C + c, result);
    if (dbranch == nullptr) return;
    for (int i = 0; i < width; ++i) result[i] = to_float(from_float<T>(result[i]));
    drop(dropper, result, n, c);
    store(dbranch + n * C + c, result);
  });
}

// lines (blocks, sums, C): dgamma += dy xhat, dbeta += dy, and with sums == 3 dbias += dbranch, over a block of rows.
// A thread owns `width` columns. Runs before dx overwrites dy; 4 bytes per element of bf16.
template <class T, int width>
__global__ void norm_gradient_columns(float* lines, NormInputs<T> in, std::int64_t N, std::int64_t C, std::int64_t rows,
                                      int sums) {
  const std::int64_t c = thread_index() * width;
  if (c >= C) return;
  const std::int64_t begin = blockIdx.y * rows;
  const std::int64_t end = begin + rows < N ? begin + rows : N;
  Floats<width> dgamma{};
  Floats<width> dbeta{};
  for (std::int64_t n = begin; n < end; ++n) {
    const Floats<width> g = load<width>(in.dy + n * C + c);
    const Floats<width> v = load<width>(in.x + n * C + c);
    for (int i = 0; i < width; ++i) {
      dgamma[i] += g[i] * ((v[i] - in.mean[n]) * in.rstd[n]);
      dbeta[i] += g[i];
    }
  }
  float* line = lines + blockIdx.y * sums * C + c;
  store(line, dgamma);
  store(line + C, dbeta);
}

// The branch's gradient from that of the sum, in fp32.
struct Drop {
  Dropper dropper;
  template <int width>
  __device__ void operator()(Floats<width>& values, std::int64_t n, std::int64_t c) const {
    drop(dropper, values, n, c);
  }
};

template <class T>
T* pointer_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.as<T>() : nullptr;
}

Launch by_rows(std::int64_t N) { return {divide_up(N, kRows), kThreads}; }
Launch by_columns(std::int64_t C, int width, const RowBlocks& blocks) {
  return {divide_up(C, std::int64_t{kColumnThreads} * width), kColumnThreads, blocks.count};
}

Statistics statistics(const Tensor& mean, const Tensor& rstd, float epsilon) {
  return {mean.as<float>(), rstd.as<float>(), epsilon};
}

// Everything but dbias; `lines` has 2 or 3 sums. dbranch may be null.
template <class T, int width>
void backward(const Exec& exec, const LayernormBackward& a, T* dbranch, const Dropper& dropper, const Tensor& lines) {
  const std::int64_t N = a.x.size(0);
  const std::int64_t C = a.x.size(1);
  const NormInputs<T> in{a.dy.as<T>(),    pointer_or_null<T>(a.dx_add), a.x.as<T>(),
                         a.gamma.as<T>(), a.mean.as<float>(),           a.rstd.as<float>()};
  const RowBlocks blocks = row_blocks(N);
  launch(norm_gradient_columns<T, width>, by_columns(C, width, blocks), exec.stream, lines.as<float>(), in, N, C,
         blocks.rows, static_cast<int>(lines.size(1)));
  launch(layernorm_backward_warp_per_row<T, width>, by_rows(N), exec.stream, a.dx.as<T>(), dbranch, in, dropper, N, C);
}

}  // namespace

void layernorm_forward(const Exec& exec, const LayernormForward& a) {
  const std::int64_t N = a.x.size(0);
  const std::int64_t C = a.x.size(1);
  visit_packed(a.x.dtype, C, {a.x, a.y, a.gamma, a.beta}, [&]<class T, int width>() {
    launch(layernorm_forward_warp_per_row<T, width>, by_rows(N), exec.stream, a.y.as<T>(), a.x.as<T>(), a.gamma.as<T>(),
           pointer_or_null<T>(a.beta), statistics(a.mean, a.rstd, a.epsilon), N, C);
  });
}

void residual_layernorm_forward(const Exec& exec, const ResidualLayernormForward& a) {
  const std::int64_t N = a.sum.size(0);
  const std::int64_t C = a.sum.size(1);
  visit_packed(a.sum.dtype, C, {a.sum, a.y, a.residual, a.branch, a.bias, a.gamma, a.beta}, [&]<class T, int width>() {
    launch(residual_layernorm_forward_warp_per_row<T, width>, by_rows(N), exec.stream, a.sum.as<T>(), a.y.as<T>(),
           a.residual.as<T>(), a.branch.as<T>(), pointer_or_null<T>(a.bias), a.gamma.as<T>(),
           pointer_or_null<T>(a.beta), make_dropper(a.dropout, N, C), statistics(a.mean, a.rstd, a.epsilon), N, C);
  });
}

void layernorm_backward(const Exec& exec, const LayernormBackward& a) {
  Scratch scratch(*exec.workspace);
  const Tensor lines = take_norm_sums(scratch, a.x);
  visit_packed(a.x.dtype, a.x.size(1), {a.dx, a.dy, a.dx_add, a.x, a.gamma, lines},
               [&]<class T, int width>() { backward<T, width>(exec, a, nullptr, {}, lines); });
  add_lines(exec, {a.dgamma, a.dbeta}, lines);
}

void residual_layernorm_backward(const Exec& exec, const ResidualLayernormBackward& a) {
  const std::int64_t N = a.norm.x.size(0);
  const std::int64_t C = a.norm.x.size(1);
  Scratch scratch(*exec.workspace);
  const Tensor lines = take_residual_norm_sums(scratch, a.norm.x);
  const bool copies = a.dbranch.data != a.norm.dx.data;
  visit_packed(a.norm.x.dtype, C, {a.norm.dx, a.dbranch, a.norm.dy, a.norm.dx_add, a.norm.x, a.norm.gamma, lines},
               [&]<class T, int width>() {
                 backward<T, width>(exec, a.norm, copies ? a.dbranch.as<T>() : nullptr, make_dropper(a.dropout, N, C),
                                    lines);
               });
  if (a.dbias.defined()) sum_columns(exec, lines, a.norm.dx, 2, Drop{make_dropper(a.dropout, N, C)});
  add_lines(exec, {a.norm.dgamma, a.norm.dbeta, a.dbias}, lines);
}

}  // namespace phalanx::ops::cuda
