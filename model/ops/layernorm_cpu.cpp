// Norms on the CPU: one row at a time, which stays in the first-level cache for its passes. Threads share the rows;
// sums over rows go by fixed blocks (partial_sums.h).
#include <immintrin.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "model/ops/cpu/level_ops.h"
#include "model/ops/layernorm_scratch.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/column_sums.h"
#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"
#include "model/ops/cpu/vector_random.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

// y = (x - mean) * rstd * gamma + beta of one row; beta may be null. Never inlined: a row recomputed from a stored sum
// must have the bits that the fused forward gave it.
template <class T>
[[gnu::noinline]] void normalise_row(T* y, float* mean_out, float* rstd_out, const T* x, const T* gamma, const T* beta,
                                     std::int64_t C, float epsilon) {
  const float count = static_cast<float>(C);
  const float mean = sum_lanes(C, [&](std::int64_t c, auto lanes) { return load(x + c, lanes); }) / count;
  const VecF means = set(mean);
  const float variance = sum_lanes(C,
                                   [&](std::int64_t c, auto lanes) {
                                     const VecF centred = load(x + c, lanes) - means;
                                     return centred * centred;
                                   }) /
                         count;
  const float rstd = 1.0F / std::sqrt(variance + epsilon);
  const VecF rstds = set(rstd);
  for_lanes(C, [&](std::int64_t c, auto lanes) {
    const VecF scaled = (load(x + c, lanes) - means) * rstds;
    const VecF shift = beta != nullptr ? load(beta + c, lanes) : set(0.0F);
    store(y + c, fma(scaled, load(gamma + c, lanes), shift), lanes);
  });
  *mean_out = mean;
  *rstd_out = rstd;
}

template <class T>
const T* pointer_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.as<T>() : nullptr;
}

// sum = residual + branch + bias of one row.
template <class T>
void add_row(T* sum, const T* residual, const T* branch, const T* bias, std::int64_t C) {
  for_lanes(C, [&](std::int64_t c, auto lanes) {
    const VecF biased = bias != nullptr ? load(branch + c, lanes) + load(bias + c, lanes) : load(branch + c, lanes);
    store(sum + c, load(residual + c, lanes) + biased, lanes);
  });
}

// sum = residual + dropout(branch + bias) of one row.
template <class T>
void add_row_dropped(T* sum, const T* residual, const T* branch, const T* bias, std::int64_t C,
                     const RandomStream& stream, std::uint64_t first, const Dropper& dropped) {
  for_lanes_with_bits(stream, first, C, [&](std::int64_t c, auto lanes, const std::uint32_t* bits) {
    const VecF biased = bias != nullptr ? load(branch + c, lanes) + load(bias + c, lanes) : load(branch + c, lanes);
    store(sum + c, load(residual + c, lanes) + dropped(biased, bits), lanes);
  });
}

template <class T>
void residual_rows(const ResidualLayernormForward& a) {
  const std::int64_t N = a.sum.size(0);
  const std::int64_t C = a.sum.size(1);
  const T* bias = pointer_or_null<T>(a.bias);
  const T* beta = pointer_or_null<T>(a.beta);
  const RowStreams streams = row_streams(a.dropout, N, C);
  const Dropper dropped = make_dropper(a.dropout.rate);
#pragma omp parallel for schedule(static)
  for (std::int64_t n = 0; n < N; ++n) {
    T* sum_n = a.sum.as<T>() + n * C;
    const T* residual_n = a.residual.as<T>() + n * C;
    const T* branch_n = a.branch.as<T>() + n * C;
    if (a.dropout.rate > 0.0F) {
      add_row_dropped(sum_n, residual_n, branch_n, bias, C, streams.stream(n), streams.first(n), dropped);
    } else {
      add_row(sum_n, residual_n, branch_n, bias, C);
    }
    normalise_row(a.y.as<T>() + n * C, a.mean.as<float>() + n, a.rstd.as<float>() + n, sum_n, a.gamma.as<T>(), beta, C,
                  a.epsilon);
  }
}

// One row of backward. With g = dy gamma and xhat the normalised row:
//   dx = rstd (g - mean(g) - xhat mean(g xhat)) + dx_add,  dgamma += dy xhat,  dbeta += dy
template <class T>
void backward_row(T* dx, float* dgamma, float* dbeta, const T* dy, const T* dx_add, const T* x, const T* gamma,
                  float mean, float rstd, std::int64_t C) {
  const VecF means = set(mean);
  const VecF rstds = set(rstd);
  VecF g_sum = set(0.0F);
  const float projected = sum_lanes(C, [&](std::int64_t c, auto lanes) {
    const VecF dy_c = load(dy + c, lanes);
    const VecF xhat = (load(x + c, lanes) - means) * rstds;
    const VecF g = dy_c * load(gamma + c, lanes);
    store(dgamma + c, fma(dy_c, xhat, load(dgamma + c, lanes)), lanes);
    store(dbeta + c, load(dbeta + c, lanes) + dy_c, lanes);
    g_sum = g_sum + g;
    return g * xhat;
  });
  const float count = static_cast<float>(C);
  const VecF g_mean = set(sum(g_sum) / count);
  const VecF projected_mean = set(projected / count);
  for_lanes(C, [&](std::int64_t c, auto lanes) {
    const VecF xhat = (load(x + c, lanes) - means) * rstds;
    const VecF g = load(dy + c, lanes) * load(gamma + c, lanes);
    const VecF through = (g - g_mean - xhat * projected_mean) * rstds;
    store(dx + c, dx_add != nullptr ? load(dx_add + c, lanes) + through : through, lanes);
  });
}

// dbranch = dropout mask of dsum (as stored), dbias += dbranch. Nothing is copied onto itself.
template <class T>
void branch_row(T* dbranch, float* dbias, const T* dsum, std::int64_t C) {
  for_lanes(C, [&](std::int64_t c, auto lanes) {
    const VecF value = load(dsum + c, lanes);
    if (dbranch != dsum) store(dbranch + c, value, lanes);
    store(dbias + c, load(dbias + c, lanes) + value, lanes);
  });
}

template <class T>
void branch_row_dropped(T* dbranch, float* dbias, const T* dsum, std::int64_t C, const RandomStream& stream,
                        std::uint64_t first, const Dropper& dropped) {
  for_lanes_with_bits(stream, first, C, [&](std::int64_t c, auto lanes, const std::uint32_t* bits) {
    const VecF value = dropped(load(dsum + c, lanes), bits);
    store(dbranch + c, value, lanes);
    store(dbias + c, load(dbias + c, lanes) + value, lanes);
  });
}

// Rows of a norm's backward by blocks; after_row(n, block) follows while the row of dx is in cache.
template <class T, class AfterRow>
void backward_rows(const LayernormBackward& a, const Tensor& partials, AfterRow&& after_row) {
  const std::int64_t N = a.x.size(0);
  const std::int64_t C = a.x.size(1);
  const RowBlocks blocks = row_blocks(N);
  const T* dx_add = pointer_or_null<T>(a.dx_add);
#pragma omp parallel for schedule(static)
  for (std::int64_t block = 0; block < blocks.count; ++block) {
    clear_partial_lines(partials, block);
    const std::int64_t end = std::min((block + 1) * blocks.rows, N);
    for (std::int64_t n = block * blocks.rows; n < end; ++n) {
      backward_row(a.dx.as<T>() + n * C, partial_line(partials, block, 0), partial_line(partials, block, 1),
                   a.dy.as<T>() + n * C, dx_add != nullptr ? dx_add + n * C : nullptr, a.x.as<T>() + n * C,
                   a.gamma.as<T>(), a.mean.as<float>()[n], a.rstd.as<float>()[n], C);
      after_row(n, block);
    }
  }
}

template <class T>
void residual_backward_rows(const ResidualLayernormBackward& a, const Tensor& partials) {
  const std::int64_t N = a.norm.x.size(0);
  const std::int64_t C = a.norm.x.size(1);
  const RowStreams streams = row_streams(a.dropout, N, C);
  const Dropper dropped = make_dropper(a.dropout.rate);
  backward_rows<T>(a.norm, partials, [&](std::int64_t n, std::int64_t block) {
    T* dbranch_n = a.dbranch.as<T>() + n * C;
    const T* dsum_n = a.norm.dx.as<T>() + n * C;
    float* dbias = partial_line(partials, block, 2);
    if (a.dropout.rate > 0.0F) {
      branch_row_dropped(dbranch_n, dbias, dsum_n, C, streams.stream(n), streams.first(n), dropped);
    } else if (a.dbias.defined() || dbranch_n != dsum_n) {
      branch_row(dbranch_n, dbias, dsum_n, C);
    }
  });
  add_partial_lines({a.norm.dgamma, a.norm.dbeta, a.dbias}, partials);
}

}  // namespace

void layernorm_forward(const Exec&, const LayernormForward& a) {
  visit_dtype(a.x.dtype, [&]<class T>() {
    const std::int64_t C = a.x.size(1);
    const T* beta = pointer_or_null<T>(a.beta);
#pragma omp parallel for schedule(static)
    for (std::int64_t n = 0; n < a.x.size(0); ++n) {
      normalise_row(a.y.as<T>() + n * C, a.mean.as<float>() + n, a.rstd.as<float>() + n, a.x.as<T>() + n * C,
                    a.gamma.as<T>(), beta, C, a.epsilon);
    }
  });
}

void layernorm_backward(const Exec& exec, const LayernormBackward& a) {
  Scratch scratch(*exec.workspace);
  const Tensor partials = take_norm_sums(scratch, a.x);
  visit_dtype(a.x.dtype, [&]<class T>() { backward_rows<T>(a, partials, [](std::int64_t, std::int64_t) {}); });
  add_partial_lines({a.dgamma, a.dbeta}, partials);
}

void residual_layernorm_forward(const Exec&, const ResidualLayernormForward& a) {
  visit_dtype(a.sum.dtype, [&]<class T>() { residual_rows<T>(a); });
}

void residual_layernorm_backward(const Exec& exec, const ResidualLayernormBackward& a) {
  Scratch scratch(*exec.workspace);
  const Tensor partials = take_residual_norm_sums(scratch, a.norm.x);
  visit_dtype(a.norm.x.dtype, [&]<class T>() { residual_backward_rows<T>(a, partials); });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
