// Element types and the one way to dispatch over them.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include "core/check.h"

namespace phalanx {

enum class DType : std::uint8_t { f32, bf16, f16, f64, i32, i64, u8 };

// Storage of a bfloat16: the upper half of an fp32. Arithmetic happens in fp32.
struct bf16 {
  std::uint16_t bits = 0;
  bf16() = default;
  explicit bf16(float value) : bits(round_bits(value)) {}
  explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
  // Round to nearest even; NaN stays a (quiet) NaN.
  static std::uint16_t round_bits(float value) {
    const auto u = std::bit_cast<std::uint32_t>(value);
    const auto rounded = static_cast<std::uint16_t>((u + 0x7FFFU + ((u >> 16) & 1U)) >> 16);
    const auto quiet = static_cast<std::uint16_t>((u >> 16) | 0x40U);
    return (u & 0x7FFFFFFFU) > 0x7F800000U ? quiet : rounded;
  }
};

constexpr std::int64_t bytes_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32: return 4;
    case DType::bf16:
    case DType::f16: return 2;
    case DType::f64:
    case DType::i64: return 8;
    case DType::u8: return 1;
  }
  return 0;
}

// "fp32", "bf16", "fp16", "fp64", "int32", "int64", "uint8": the names of messages, configs and files.
std::string_view name_of(DType dtype);
// The inverse; an unknown name throws UsageError.
DType dtype_from_name(std::string_view name);

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<bf16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

// Calls f.template operator()<T>() with the compute type behind `dtype` (fp32 or bf16); others throw.
template <class F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: return f.template operator()<float>();
    case DType::bf16: return f.template operator()<bf16>();
    default: FAIL_WITH("compute type must be fp32 or bf16, found ", name_of(dtype));
  }
}

}  // namespace phalanx
