// Tensor: a view (pointer, shape, dtype, device) of memory that somebody else owns. Always contiguous, row-major.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "core/dtype.h"

namespace phalanx {

// Up to six dims, no heap.
class Shape {
 public:
  static constexpr int kMaxDims = 6;
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims);

  [[nodiscard]] int dims() const { return dims_; }
  std::int64_t operator[](int dim) const { return sizes_[static_cast<std::size_t>(dim)]; }
  [[nodiscard]] std::int64_t count() const;  // product of all dims; 1 for a scalar
  void append(std::int64_t size);
  void set(int dim, std::int64_t size) { sizes_[static_cast<std::size_t>(dim)] = size; }
  bool operator==(const Shape& other) const;

 private:
  std::array<std::int64_t, kMaxDims> sizes_{};
  int dims_ = 0;
};

std::string to_string(const Shape& shape);  // "(2, 3)"

enum class DeviceType : std::uint8_t { cpu, cuda };

struct Device {
  DeviceType type = DeviceType::cpu;
  int index = 0;
  bool operator==(const Device&) const = default;
};

struct Tensor {
  std::byte* data = nullptr;
  Shape shape;
  DType dtype = DType::f32;
  Device device;

  [[nodiscard]] bool defined() const { return data != nullptr; }
  [[nodiscard]] std::int64_t count() const { return shape.count(); }
  [[nodiscard]] std::int64_t bytes() const { return count() * bytes_of(dtype); }
  [[nodiscard]] std::int64_t size(int dim) const { return shape[dim]; }

  // Typed access; throws when T is not the dtype.
  template <class T>
  [[nodiscard]] T* as() const {
    ENSURE(dtype == dtype_of<T>, "tensor ", to_string(shape), " is ", name_of(dtype), ", not ", name_of(dtype_of<T>));
    return reinterpret_cast<T*>(data);
  }

  [[nodiscard]] Tensor view(const Shape& new_shape) const;                  // same count
  [[nodiscard]] Tensor slice(std::int64_t begin, std::int64_t rows) const;  // rows of dim 0
  [[nodiscard]] Tensor operator[](std::int64_t i) const;                    // dim 0 at i, dropped
  [[nodiscard]] Tensor flat() const { return view({count()}); }
};

// A host tensor over elements that the caller owns.
template <class T>
Tensor host_tensor(T* data, const Shape& shape) {
  return {reinterpret_cast<std::byte*>(data), shape, dtype_of<T>, Device{}};
}

}  // namespace phalanx
