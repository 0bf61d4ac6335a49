// Host arrays for op tests: they own their elements, hand out tensors, and read as double whatever their dtype.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/tensor.h"

namespace phalanx::testing {

using Doubles = std::vector<double>;

class Array {
 public:
  explicit Array(const Shape& shape, DType dtype = DType::f32)
      : shape_(shape), dtype_(dtype), bytes_(static_cast<std::size_t>(shape.count() * bytes_of(dtype)) + 1) {}

  [[nodiscard]] Tensor tensor() { return {bytes_.data(), shape_, dtype_, Device{}}; }
  [[nodiscard]] std::int64_t count() const { return shape_.count(); }
  [[nodiscard]] DType dtype() const { return dtype_; }
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

  [[nodiscard]] double operator[](std::int64_t i) const {
    switch (dtype_) {
      case DType::f32: return element<float>(i);
      case DType::bf16: return static_cast<float>(element<bf16>(i));
      case DType::f64: return element<double>(i);
      case DType::i32: return element<std::int32_t>(i);
      case DType::i64: return static_cast<double>(element<std::int64_t>(i));
      default: FAIL_WITH("no test array of ", name_of(dtype_));
    }
  }
  // Rounds to the dtype.
  void set(std::int64_t i, double value) {
    switch (dtype_) {
      case DType::f32: return put(i, static_cast<float>(value));
      case DType::bf16: return put(i, bf16(static_cast<float>(value)));
      case DType::f64: return put(i, value);
      case DType::i32: return put(i, static_cast<std::int32_t>(value));
      case DType::i64: return put(i, static_cast<std::int64_t>(value));
      default: FAIL_WITH("no test array of ", name_of(dtype_));
    }
  }
  [[nodiscard]] Doubles values() const {
    Doubles out(static_cast<std::size_t>(count()));
    for (std::int64_t i = 0; i < count(); ++i) out[static_cast<std::size_t>(i)] = (*this)[i];
    return out;
  }
  Array& fill(double value) {
    for (std::int64_t i = 0; i < count(); ++i) set(i, value);
    return *this;
  }

 private:
  template <class T>
  [[nodiscard]] T element(std::int64_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    return value;
  }
  template <class T>
  void put(std::int64_t i, T value) {
    std::memcpy(bytes_.data() + i * static_cast<std::int64_t>(sizeof(T)), &value, sizeof(T));
  }

  Shape shape_;
  DType dtype_;
  std::vector<std::byte> bytes_;
};

// Normal values with the given mean and standard deviation, rounded to the dtype.
inline Array normal_array(const Shape& shape, DType dtype, unsigned seed, double std = 1.0, double mean = 0.0) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal(mean, std);
  Array array(shape, dtype);
  for (std::int64_t i = 0; i < array.count(); ++i) array.set(i, normal(engine));
  return array;
}

template <class T>
Array array_of(const std::vector<T>& values, const Shape& shape) {
  Array array(shape, dtype_of<T>);
  for (std::int64_t i = 0; i < array.count(); ++i)
    array.set(i, static_cast<double>(values[static_cast<std::size_t>(i)]));
  return array;
}

// Relative spacing of numbers: the most that one rounding to the dtype can be off is half of it.
inline double epsilon_of(DType dtype) { return dtype == DType::bf16 ? 0x1.0p-7 : 0x1.0p-23; }

// The largest magnitude of an array: what absolute errors of sums of its elements are measured against.
inline double largest(const Doubles& values) {
  double m = 0.0;
  for (const double v : values) m = std::max(m, std::abs(v));
  return m;
}

// |actual - expected| <= relative |expected| + absolute, element by element; names the first few that are not.
inline void expect_close(const Array& actual, const Doubles& expected, double relative, double absolute) {
  ASSERT_EQ(actual.count(), static_cast<std::int64_t>(expected.size()));
  int failures = 0;
  for (std::int64_t i = 0; i < actual.count() && failures < 4; ++i) {
    const double want = expected[static_cast<std::size_t>(i)];
    const double allowed = relative * std::abs(want) + absolute;
    if (std::abs(actual[i] - want) <= allowed) continue;
    ADD_FAILURE() << "element " << i << " is " << actual[i] << ", expected " << want << " within " << allowed;
    ++failures;
  }
}

}  // namespace phalanx::testing
