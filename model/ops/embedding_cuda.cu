// Embeddings on the GPU. The gradient is deterministic without atomics: the first row of each token (or position) adds
// up all rows of it, in order.
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/first_row.cuh"
#include "model/ops/cuda/launch.cuh"
#include "model/ops/cuda/pack.cuh"

namespace phalanx::ops::cuda {
namespace {

constexpr int kThreads = 128;

// A table and the row of it that each token takes; without rows all take row 0.
template <class T>
struct Rows {
  const std::int32_t* rows;  // may be null
  const T* table;            // may be null: nothing to add
  std::int64_t size;         // of the table; rows outside add nothing
  __device__ std::int64_t operator[](std::int64_t n) const { return rows != nullptr ? rows[n] : 0; }
};

// sum += columns [c, c + width) of token n's row.
template <class T, int width>
__device__ inline void add_row(Floats<width>& sum, const Rows<T>& from, std::int64_t n, std::int64_t c,
                               std::int64_t C) {
  const std::int64_t row = from[n];
  if (from.table == nullptr || row < 0 || row >= from.size) return;
  const Floats<width> more = load<width>(from.table + row * C + c);
  for (int k = 0; k < width; ++k) sum[k] += more[k];
}

// y = token row (zeros outside of the part) + position row + type row. 4 to 8 bytes per element of bf16.
template <class T, int width>
__global__ void embedding_forward_packs(T* y, const std::int32_t* tokens, const T* token_table, Rows<T> positions,
                                        Rows<T> types, std::int64_t N, std::int64_t C, std::int64_t begin,
                                        std::int64_t rows) {
  const std::int64_t i = thread_index() * width;
  if (i >= N * C) return;
  const std::int64_t n = i / C;
  const std::int64_t c = i % C;
  const std::int64_t row = tokens[n] - begin;
  Floats<width> v{};
  if (row >= 0 && row < rows) v = load<width>(token_table + row * C + c);
  add_row(v, positions, n, c, C);
  add_row(v, types, n, c, C);
  store(y + i, v);
}

// table[id] (C) += the sum of dy over all rows n with ids[n] == id, in order of n; without ids all are 0. A block per
// row: all threads look for an equal id before it, and only the first row of an id goes on; then each thread adds
// `width` columns of every row of that id. Ids outside [begin, begin + rows) are left out. Cost: 2 bytes per element of
// bf16, 8 per element of the rows that are touched, and N reads of ids per row, from L2.
template <class T, int width>
__global__ void embedding_backward_block_per_row(float* table, const T* dy, Rows<float> ids, std::int64_t N,
                                                 std::int64_t C, std::int64_t begin, std::int64_t rows) {
  const std::int64_t n = blockIdx.x;
  const std::int64_t id = ids[n];
  const std::int64_t row = id - begin;
  if (row < 0 || row >= rows) return;
  if (!is_first_of_its_row(ids, n)) return;
  for (std::int64_t c = threadIdx.x * width; c < C; c += kThreads * width) {
    Floats<width> sum = load<width>(table + row * C + c);
    for (std::int64_t k = n; k < N; ++k) {
      if (ids[k] != id) continue;
      const Floats<width> v = load<width>(dy + k * C + c);
      for (int i = 0; i < width; ++i) sum[i] += v[i];
    }
    store(table + row * C + c, sum);
  }
}

template <class T>
const T* pointer_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.as<T>() : nullptr;
}

template <class T>
Rows<T> rows_of(const Tensor& rows, const Tensor& table) {
  return {pointer_or_null<std::int32_t>(rows), pointer_or_null<T>(table), table.defined() ? table.size(0) : 0};
}

void add_rows(const Exec& exec, const Tensor& table, const Tensor& dy, const Tensor& ids, std::int64_t begin) {
  const std::int64_t C = dy.size(1);
  visit_dtype(dy.dtype, [&]<class T>() {
    constexpr int kFour = 4;  // 16 bytes of the fp32 table
    const auto run = [&]<int width>() {
      launch(embedding_backward_block_per_row<T, width>, {dy.size(0), kThreads}, exec.stream, table.as<float>(),
             dy.as<T>(), Rows<float>{pointer_or_null<std::int32_t>(ids), nullptr, 0}, dy.size(0), C, begin,
             table.size(0));
    };
    if (C % kFour == 0 && can_pack<T>(kWidest<T>, {dy}) && can_pack<float>(kFour, {table})) {
      run.template operator()<kFour>();
    } else {
      run.template operator()<1>();
    }
  });
}

}  // namespace

void embedding_forward(const Exec& exec, const EmbeddingForward& a) {
  const std::int64_t N = a.y.size(0);
  const std::int64_t C = a.y.size(1);
  visit_packed(a.y.dtype, C, {a.y, a.token_table, a.position_table, a.type_table}, [&]<class T, int width>() {
    launch(embedding_forward_packs<T, width>, {divide_up(N * C / width, 256)}, exec.stream, a.y.as<T>(),
           a.tokens.as<std::int32_t>(), a.token_table.as<T>(), rows_of<T>(a.positions, a.position_table),
           rows_of<T>(a.types, a.type_table), N, C, a.vocabulary_begin, a.token_table.size(0));
  });
}

void embedding_backward(const Exec& exec, const EmbeddingBackward& a) {
  add_rows(exec, a.dtoken_table, a.dy, a.tokens, a.vocabulary_begin);
  if (a.dposition_table.defined()) add_rows(exec, a.dposition_table, a.dy, a.positions, 0);
  if (a.dtype_table.defined()) add_rows(exec, a.dtype_table, a.dy, a.types, 0);
}

}  // namespace phalanx::ops::cuda
