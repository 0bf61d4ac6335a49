// Pack: 16 elements in vector registers, in the type that sums are accumulated in. For parallel/combine.cpp only.
//
// GCC's vector types become the widest instructions of the function they are inlined into; every element sees the same
// operations whatever the width, so the bits do not depend on it.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/dtype.h"

#define PHALANX_INLINE inline __attribute__((always_inline))

namespace phalanx {

struct f16 {
  std::uint16_t bits;
};

template <class T>
using Accumulator = std::conditional_t<std::is_same_v<T, bf16> || std::is_same_v<T, f16>, float, T>;

// Two vectors, because two 16-bit floats lie in one 32-bit word: the low halves make one vector, the high halves the
// other, and nothing has to be moved between lanes.
inline constexpr int kLanes = 8;
inline constexpr int kPack = 2 * kLanes;
template <class A>
struct Lanes {
  using type __attribute__((vector_size(kLanes * sizeof(A)))) = A;
};
template <class A>
using lanes = typename Lanes<A>::type;

template <class A>
struct Pack {
  lanes<A> low;
  lanes<A> high;
};

// By reference: a vector that is returned has an ABI of its own on every instruction set.
template <class To, class From>
PHALANX_INLINE void copy_bits(To& to, const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  std::memcpy(static_cast<void*>(&to), &from, sizeof to);
}

// The 32 bits of each float, rounded so that the upper 16 are the nearest bfloat16 (ties to even; NaN stays NaN).
PHALANX_INLINE void round_to_bf16(lanes<std::uint32_t>& u, const lanes<float>& x) {
  copy_bits(u, x);
  // All ones where x is NaN. (GCC 12 takes a comparison of vectors out of the registers.)
  const lanes<std::uint32_t> is_nan = -((0x7F800000U - (u & 0x7FFFFFFFU)) >> 31);
  u = ((u + (0x7FFFU + ((u >> 16) & 1U))) & ~is_nan) | ((u | 0x400000U) & is_nan);
}

// All ones in the lanes where a < b; both below 2^31. (See above: arithmetic in place of a comparison.)
PHALANX_INLINE void below(lanes<std::uint32_t>& mask, const lanes<std::uint32_t>& a, std::uint32_t b) {
  mask = -((a - b) >> 31);
}

// Half precision -> fp32, exactly. The exponent of fp32 is 112 greater; infinity and NaN keep all ones.
PHALANX_INLINE void widen_f16(lanes<float>& to, const lanes<std::uint32_t>& half) {
  const lanes<std::uint32_t> magnitude = half & 0x7FFFU;
  lanes<float> scaled;
  copy_bits(scaled, magnitude << 13);
  scaled *= 0x1p112F;
  lanes<std::uint32_t> u, finite;
  copy_bits(u, scaled);
  below(finite, magnitude, 0x7C00U);
  copy_bits(to, u | (~finite & 0x7F800000U) | ((half & 0x8000U) << 16));
}

// fp32 -> half precision in the low 16 bits, to the nearest (ties to even); what is too large becomes infinity.
PHALANX_INLINE void round_to_f16(lanes<std::uint32_t>& half, const lanes<float>& x) {
  lanes<std::uint32_t> u;
  copy_bits(u, x);
  const lanes<std::uint32_t> sign = (u >> 16) & 0x8000U;
  u &= 0x7FFFFFFFU;
  // Below 2^-14 halves are multiples of 2^-24, the last bit of a float in [0.5, 1): adding 0.5 rounds to one of them.
  lanes<float> shifted;
  copy_bits(shifted, u);
  shifted += 0.5F;
  lanes<std::uint32_t> small, is_small, is_finite, is_number;
  copy_bits(small, shifted);
  small -= 0x3F000000U;
  const lanes<std::uint32_t> normal = (u - (112U << 23) + 0xFFFU + ((u >> 13) & 1U)) >> 13;
  below(is_small, u, 0x38800000U);   // 2^-14
  below(is_finite, u, 0x47800000U);  // 2^16
  below(is_number, u, 0x7F800001U);
  const lanes<std::uint32_t> special = 0x7C00U | (~is_number & 0x200U);
  half = (small & is_small) | (normal & ~is_small & is_finite) | (special & ~is_finite);
  half |= sign;
}

template <class T>
PHALANX_INLINE void load_pack(Pack<Accumulator<T>>& to, const T* from) {
  if constexpr (sizeof(T) == sizeof(Accumulator<T>)) {
    std::memcpy(&to.low, from, sizeof to.low);
    std::memcpy(&to.high, from + kLanes, sizeof to.high);
  } else {
    lanes<std::uint32_t> words;
    std::memcpy(&words, from, sizeof words);
    if constexpr (std::is_same_v<T, bf16>) {
      copy_bits(to.low, words << 16);
      copy_bits(to.high, words & 0xFFFF0000U);
    } else {
      widen_f16(to.low, words & 0xFFFFU);
      widen_f16(to.high, words >> 16);
    }
  }
}

template <class T>
PHALANX_INLINE void store_pack(T* to, const Pack<Accumulator<T>>& from) {
  if constexpr (sizeof(T) == sizeof(Accumulator<T>)) {
    std::memcpy(to, &from.low, sizeof from.low);
    std::memcpy(to + kLanes, &from.high, sizeof from.high);
  } else {
    lanes<std::uint32_t> low, high;
    if constexpr (std::is_same_v<T, bf16>) {
      round_to_bf16(low, from.low);
      round_to_bf16(high, from.high);
      low >>= 16;
      high &= 0xFFFF0000U;
    } else {
      round_to_f16(low, from.low);
      round_to_f16(high, from.high);
      high <<= 16;
    }
    const lanes<std::uint32_t> words = low | high;
    std::memcpy(static_cast<void*>(to), &words, sizeof words);
  }
}

// x <- what is left of x after it was stored as T.
template <class T>
PHALANX_INLINE void round_pack(Pack<Accumulator<T>>& x) {
  if constexpr (!std::is_same_v<T, Accumulator<T>>) {
    T stored[kPack];
    store_pack(stored, x);
    load_pack(x, stored);
  }
}

}  // namespace phalanx
