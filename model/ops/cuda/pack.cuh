// Several neighbouring elements in one access of up to 16 bytes, as fp32.
#pragma once

#include <cuda_runtime.h>

#include <bit>
#include <cstdint>
#include <initializer_list>

#include "core/bf16.cuh"
#include "core/dtype.h"
#include "core/tensor.h"

namespace phalanx::ops::cuda {

using phalanx::cuda::from_float;
using phalanx::cuda::to_float;

// `width` elements, read and written at once.
template <class T, int width>
struct alignas(sizeof(T) * width) Pack {
  T values[width];
};

// The widest pack of T: 16 bytes.
template <class T>
inline constexpr int kWidest = 16 / static_cast<int>(sizeof(T));

template <int width>
struct Floats {
  float values[width];
  __device__ float& operator[](int i) { return values[i]; }
  __device__ float operator[](int i) const { return values[i]; }
};

template <int width, class T>
__device__ inline Floats<width> load(const T* from) {
  const Pack<T, width> pack = *reinterpret_cast<const Pack<T, width>*>(from);
  Floats<width> result;
  for (int i = 0; i < width; ++i) result[i] = to_float(pack.values[i]);
  return result;
}

template <int width, class T>
__device__ inline void store(T* to, const Floats<width>& values) {
  Pack<T, width> pack;
  for (int i = 0; i < width; ++i) pack.values[i] = from_float<T>(values[i]);
  *reinterpret_cast<Pack<T, width>*>(to) = pack;
}

// Whether rows of C elements of all of these can be read in packs of 16 bytes.
template <class T>
bool can_pack(std::int64_t C, std::initializer_list<Tensor> tensors) {
  if (C % kWidest<T> != 0) return false;
  for (const Tensor& tensor : tensors) {
    if (reinterpret_cast<std::uintptr_t>(tensor.data) % 16 != 0) return false;
  }
  return true;
}

// Calls f.template operator()<T, width>() for the compute dtype `dtype`, with the widest packs or single elements.
template <class F>
void visit_packed(DType dtype, std::int64_t C, std::initializer_list<Tensor> tensors, F&& f) {
  visit_dtype(dtype, [&]<class T>() {
    if (can_pack<T>(C, tensors)) {
      f.template operator()<T, kWidest<T>>();
    } else {
      f.template operator()<T, 1>();
    }
  });
}

}  // namespace phalanx::ops::cuda
