// Pack: 16 elements in vector registers, in the type that sums are accumulated in. For parallel/combine.cpp only.
//
// GCC's vector types become the widest instructions of the function they are inlined into; every element sees the same
// operations whatever the width, so the bits do not depend on it.
#pragma once

#include <bit>
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

// Two vectors, because two bfloat16 lie in one 32-bit word: the low halves make one vector, the high halves the other,
// and nothing has to be moved between lanes.
inline constexpr int kLanes = 8;
inline constexpr int kPack = 2 * kLanes;
template <class A>
struct Lanes {
  typedef A type __attribute__((vector_size(kLanes * sizeof(A))));
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

template <class T>
PHALANX_INLINE void load_pack(Pack<Accumulator<T>>& to, const T* from) {
  if constexpr (std::is_same_v<T, bf16>) {
    lanes<std::uint32_t> words;
    std::memcpy(&words, from, sizeof words);
    copy_bits(to.low, words << 16);
    copy_bits(to.high, words & 0xFFFF0000U);
  } else if constexpr (std::is_same_v<T, f16>) {
    float wide[kPack];
    for (int i = 0; i < kPack; ++i) wide[i] = static_cast<float>(std::bit_cast<_Float16>(from[i].bits));
    copy_bits(to, wide);
  } else {
    std::memcpy(&to.low, from, sizeof to.low);
    std::memcpy(&to.high, from + kLanes, sizeof to.high);
  }
}

template <class T>
PHALANX_INLINE void store_pack(T* to, const Pack<Accumulator<T>>& from) {
  if constexpr (std::is_same_v<T, bf16>) {
    lanes<std::uint32_t> low, high;
    round_to_bf16(low, from.low);
    round_to_bf16(high, from.high);
    const lanes<std::uint32_t> words = (low >> 16) | (high & 0xFFFF0000U);
    std::memcpy(static_cast<void*>(to), &words, sizeof words);
  } else if constexpr (std::is_same_v<T, f16>) {
    float wide[kPack];
    copy_bits(wide, from);
    for (int i = 0; i < kPack; ++i) to[i].bits = std::bit_cast<std::uint16_t>(static_cast<_Float16>(wide[i]));
  } else {
    std::memcpy(to, &from.low, sizeof from.low);
    std::memcpy(to + kLanes, &from.high, sizeof from.high);
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
