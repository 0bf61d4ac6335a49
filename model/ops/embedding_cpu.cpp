// Embeddings on the CPU. Forward: threads share the tokens. Backward: threads share the channels and walk the tokens in
// order, so each element is summed by one thread in token order, whatever their number.
#include <immintrin.h>
#include <omp.h>

#include <algorithm>

#include "model/ops/cpu/level_ops.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

// Positions come from input: one beyond the table must not become a wild read.
void check_positions(const char* op, const Tensor& positions, const Tensor& table) {
  if (!positions.defined()) return;
  const std::int32_t* p = positions.as<std::int32_t>();
  const std::int64_t P = table.size(0);
  for (std::int64_t n = 0; n < positions.count(); ++n) {
    ENSURE(p[n] >= 0 && p[n] < P, op, ": position ", p[n], " of token ", n, " is outside the table of ", P,
           " positions (model.context)");
  }
}

template <class T>
void copy_row(T* y, const T* x, std::int64_t C) {
  for_lanes(C, [&](std::int64_t c, auto lanes) { store(y + c, load(x + c, lanes), lanes); });
}

template <class T>
void add_rows(T* y, const T* a, const T* b, std::int64_t C) {
  for_lanes(C, [&](std::int64_t c, auto lanes) { store(y + c, load(a + c, lanes) + load(b + c, lanes), lanes); });
}

template <class T>
void forward_tokens(const EmbeddingForward& a) {
  const std::int64_t C = a.y.size(1);
  const std::int64_t rows = a.token_table.size(0);
  const std::int32_t* tokens = a.tokens.as<std::int32_t>();
#pragma omp parallel for schedule(static)
  for (std::int64_t n = 0; n < a.y.size(0); ++n) {
    T* y_n = a.y.as<T>() + n * C;
    const std::int64_t row = tokens[n] - a.vocabulary_begin;
    const bool here = row >= 0 && row < rows;
    const T* token_row = a.token_table.as<T>() + (here ? row * C : 0);
    const T* position_row =
        a.positions.defined() ? a.position_table.as<T>() + a.positions.as<std::int32_t>()[n] * C : nullptr;
    if (here && position_row != nullptr) {
      add_rows(y_n, token_row, position_row, C);
    } else if (here || position_row != nullptr) {
      copy_row(y_n, here ? token_row : position_row, C);
    } else {
      std::fill_n(y_n, C, T{});
    }
  }
}

template <class T>
void accumulate(float* total, const T* x, std::int64_t count) {
  for_lanes(count,
            [&](std::int64_t c, auto lanes) { store(total + c, load(total + c, lanes) + load(x + c, lanes), lanes); });
}

// Channels [begin, begin + count) of all tokens. Rows of the table lie anywhere: they are fetched a few tokens ahead.
template <class T>
void backward_channels(const EmbeddingBackward& a, std::int64_t begin, std::int64_t count) {
  constexpr std::int64_t kAhead = 4;
  constexpr std::int64_t kLine = 16;  // floats of a cache line
  const std::int64_t N = a.dy.size(0);
  const std::int64_t C = a.dy.size(1);
  const std::int64_t rows = a.dtoken_table.size(0);
  const std::int32_t* tokens = a.tokens.as<std::int32_t>();
  const auto token_row = [&](std::int64_t n) -> float* {
    const std::int64_t row = tokens[n] - a.vocabulary_begin;
    return row >= 0 && row < rows ? a.dtoken_table.as<float>() + row * C + begin : nullptr;
  };
  for (std::int64_t n = 0; n < N; ++n) {
    const float* next = n + kAhead < N ? token_row(n + kAhead) : nullptr;
    for (std::int64_t c = 0; next != nullptr && c < count; c += kLine) __builtin_prefetch(next + c, 1);
    const T* dy_n = a.dy.as<T>() + n * C + begin;
    if (float* row = token_row(n); row != nullptr) accumulate(row, dy_n, count);
    if (a.positions.defined()) {
      accumulate(a.dposition_table.as<float>() + a.positions.as<std::int32_t>()[n] * C + begin, dy_n, count);
    }
  }
}

}  // namespace

void embedding_forward(const Exec&, const EmbeddingForward& a) {
  check_positions("embedding_forward", a.positions, a.position_table);
  visit_dtype(a.y.dtype, [&]<class T>() { forward_tokens<T>(a); });
}

void embedding_backward(const Exec&, const EmbeddingBackward& a) {
  check_positions("embedding_backward", a.positions, a.dposition_table);
  visit_dtype(a.dy.dtype, [&]<class T>() {
    constexpr std::int64_t kUnit = 32;  // channels; whole cache lines of fp32 and bf16
    const std::int64_t C = a.dy.size(1);
    const std::int64_t units = (C + kUnit - 1) / kUnit;
    const std::int64_t parts = std::min<std::int64_t>(units, omp_get_max_threads());
#pragma omp parallel for schedule(static)
    for (std::int64_t part = 0; part < parts; ++part) {
      const std::int64_t begin = units * part / parts * kUnit;
      const std::int64_t end = std::min(units * (part + 1) / parts * kUnit, C);
      backward_channels<T>(a, begin, end - begin);
    }
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
