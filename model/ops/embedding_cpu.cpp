// Embeddings on the CPU. Forward: threads share the tokens. Backward: threads share the channels and walk the tokens in
// order, so each element is summed by one thread in token order, whatever their number.
#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <array>

#include "model/ops/cpu/level_ops.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

// Rows of a small table that tokens use: positions, token types.
struct RowsUsed {
  const std::int32_t* rows;  // (N); null: row 0
  [[nodiscard]] std::int64_t operator[](std::int64_t n) const { return rows != nullptr ? rows[n] : 0; }
};
RowsUsed rows_used(const Tensor& rows) { return {rows.defined() ? rows.as<std::int32_t>() : nullptr}; }

// They come from input: one beyond the table must not become a wild read.
void check_rows(const char* op, const char* what, const Tensor& rows, const Tensor& table, const char* knob) {
  if (!rows.defined() || !table.defined()) return;
  const std::int32_t* row = rows.as<std::int32_t>();
  for (std::int64_t n = 0; n < rows.count(); ++n) {
    ENSURE(row[n] >= 0 && row[n] < table.size(0), op, ": ", what, " ", row[n], " of token ", n,
           " is outside the table of ", table.size(0), " ", what, "s (", knob, ")");
  }
}

// y = the sum of `count` rows, in their order.
template <class T>
void add_rows(T* y, const std::array<const T*, 3>& rows, std::size_t count, std::int64_t C) {
  for_lanes(C, [&](std::int64_t c, auto lanes) {
    VecF sum = load(rows[0] + c, lanes);
    for (std::size_t i = 1; i < count; ++i) sum = sum + load(rows[i] + c, lanes);
    store(y + c, sum, lanes);
  });
}

template <class T>
void forward_tokens(const EmbeddingForward& a) {
  const std::int64_t C = a.y.size(1);
  const std::int64_t V_s = a.token_table.size(0);
  const std::int32_t* tokens = a.tokens.as<std::int32_t>();
  const RowsUsed positions = rows_used(a.positions);
  const RowsUsed types = rows_used(a.types);
#pragma omp parallel for schedule(static)
  for (std::int64_t n = 0; n < a.y.size(0); ++n) {
    T* y_n = a.y.as<T>() + n * C;
    std::array<const T*, 3> rows{};
    std::size_t count = 0;
    const std::int64_t row = tokens[n] - a.vocabulary_begin;
    if (row >= 0 && row < V_s) rows[count++] = a.token_table.as<T>() + row * C;
    if (a.position_table.defined()) rows[count++] = a.position_table.as<T>() + positions[n] * C;
    if (a.type_table.defined()) rows[count++] = a.type_table.as<T>() + types[n] * C;
    if (count > 0) {
      add_rows(y_n, rows, count, C);
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
  const RowsUsed positions = rows_used(a.positions);
  const RowsUsed types = rows_used(a.types);
  const auto token_row = [&](std::int64_t n) -> float* {
    const std::int64_t row = tokens[n] - a.vocabulary_begin;
    return row >= 0 && row < rows ? a.dtoken_table.as<float>() + row * C + begin : nullptr;
  };
  for (std::int64_t n = 0; n < N; ++n) {
    const float* next = n + kAhead < N ? token_row(n + kAhead) : nullptr;
    for (std::int64_t c = 0; next != nullptr && c < count; c += kLine) __builtin_prefetch(next + c, 1);
    const T* dy_n = a.dy.as<T>() + n * C + begin;
    if (float* row = token_row(n); row != nullptr) accumulate(row, dy_n, count);
    if (a.dposition_table.defined()) accumulate(a.dposition_table.as<float>() + positions[n] * C + begin, dy_n, count);
    if (a.dtype_table.defined()) accumulate(a.dtype_table.as<float>() + types[n] * C + begin, dy_n, count);
  }
}

}  // namespace

void embedding_forward(const Exec&, const EmbeddingForward& a) {
  check_rows("embedding_forward", "position", a.positions, a.position_table, "model.context");
  check_rows("embedding_forward", "type", a.types, a.type_table, "model.token_types");
  visit_dtype(a.y.dtype, [&]<class T>() { forward_tokens<T>(a); });
}

void embedding_backward(const Exec&, const EmbeddingBackward& a) {
  check_rows("embedding_backward", "position", a.positions, a.dposition_table, "model.context");
  check_rows("embedding_backward", "type", a.types, a.dtype_table, "model.token_types");
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
