#include "parallel/combine_cuda.h"

#include <cuda_runtime.h>

#include "core/bf16.cuh"
#include "core/launch.cuh"

namespace phalanx::cuda {
namespace {

constexpr int kThreads = 256;

// What sums of T are accumulated in: fp32, fp64, or integers that wrap around.
template <class T>
struct Wide {
  using Type = unsigned long long;
  static __device__ Type of(T value) { return static_cast<Type>(static_cast<long long>(value)); }
  static __device__ T back(Type value) { return static_cast<T>(value); }
  static __device__ bool less(Type a, Type b) { return static_cast<long long>(a) < static_cast<long long>(b); }
};
template <class T>
struct WideFloat {
  using Type = float;
  static __device__ float of(T value) { return to_float(value); }
  static __device__ T back(float value) { return from_float<T>(value); }
  static __device__ bool less(float a, float b) { return a < b; }
};
template <>
struct Wide<float> : WideFloat<float> {};
template <>
struct Wide<bf16> : WideFloat<bf16> {};
template <>
struct Wide<double> {
  using Type = double;
  static __device__ double of(double value) { return value; }
  static __device__ double back(double value) { return value; }
  static __device__ bool less(double a, double b) { return a < b; }
};

template <class T, Combine how>
__device__ typename Wide<T>::Type join(typename Wide<T>::Type a, typename Wide<T>::Type b) {
  if constexpr (how == Combine::sum) return a + b;
  if (a != a) return a;  // NaN stays
  const bool takes_b = b != b || (how == Combine::max ? Wide<T>::less(a, b) : Wide<T>::less(b, a));
  return takes_b ? b : a;
}

// out[i] = ((p_0[i] + p_1[i]) + p_2[i]) + ..., in rank order.
// Mapping:  one thread per element; neighbours read neighbours, from each part in turn.
// Numerics: floats in fp32 with one rounding at the end, fp64 in fp64, integers modulo their width.
// Cost:     (ranks + 1) * sizeof(T) bytes per element: bandwidth-bound.
template <class T, Combine how>
__global__ void combine_in_rank_order(std::byte* out, RankParts parts, std::int64_t count) {
  const std::int64_t i = thread_index();
  if (i >= count) return;
  using W = Wide<T>;
  typename W::Type total{};
  for (int r = 0; r < parts.ranks; ++r) {
    const std::byte* part = r == parts.own_rank ? parts.own : parts.staging + r * parts.stride;
    const typename W::Type value = W::of(reinterpret_cast<const T*>(part)[i]);
    total = r == 0 ? value : join<T, how>(total, value);
  }
  reinterpret_cast<T*>(out)[i] = W::back(total);
}

// a[i] = a[i] + b[i], rounded. One thread per element; 3 * sizeof(T) bytes each.
template <class T>
__global__ void add_rounded(T* a, const T* b, std::int64_t count) {
  const std::int64_t i = thread_index();
  if (i < count) a[i] = Wide<T>::back(Wide<T>::of(a[i]) + Wide<T>::of(b[i]));
}

// f.template operator()<T>() for the types that sums over ranks of GPUs take.
template <class F>
void visit_summed(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: return f.template operator()<float>();
    case DType::bf16: return f.template operator()<bf16>();
    case DType::f64: return f.template operator()<double>();
    case DType::i32: return f.template operator()<std::int32_t>();
    case DType::i64: return f.template operator()<std::int64_t>();
    case DType::u8: return f.template operator()<std::uint8_t>();
    case DType::f16: break;
  }
  FAIL_WITH("sums of ", name_of(dtype), " over ranks are not made on GPUs");
}

Launch shape_of(std::int64_t count) { return {.blocks = divide_up(count, kThreads), .threads = kThreads}; }

}  // namespace

void combine_parts(Combine how, DType dtype, std::byte* out, const RankParts& parts, std::int64_t count,
                   const Stream& stream) {
  visit_summed(dtype, [&]<class T>() {
    switch (how) {
      case Combine::sum:
        return launch(combine_in_rank_order<T, Combine::sum>, shape_of(count), stream, out, parts, count);
      case Combine::max:
        return launch(combine_in_rank_order<T, Combine::max>, shape_of(count), stream, out, parts, count);
      case Combine::min:
        return launch(combine_in_rank_order<T, Combine::min>, shape_of(count), stream, out, parts, count);
      case Combine::tree: break;
    }
    FAIL_WITH("a tree is summed node by node");
  });
}

void add_node(DType dtype, std::byte* a, const std::byte* b, std::int64_t count, const Stream& stream) {
  visit_summed(dtype, [&]<class T>() {
    launch(add_rounded<T>, shape_of(count), stream, reinterpret_cast<T*>(a), reinterpret_cast<const T*>(b), count);
  });
}

}  // namespace phalanx::cuda
