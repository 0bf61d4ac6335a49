// Words of our own products (product_tile.h), those of attention and of weight gradients: what adds their products, and
// how floats become words. Pairs of bf16 exist where the level has dot products of them. Included in the level region.
#pragma once

#include "model/ops/cpu/vector.h"

#include "model/ops/cpu/intrinsics_begin.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

// Elements in a word of a product whose tensors hold T.
template <class T>
inline constexpr int kStep = PHALANX_CPU_BF16 && sizeof(T) == sizeof(bf16) ? 2 : 1;

#if PHALANX_CPU_BF16
// Both round to nearest even; bf16 numbers stay what they are.
inline void store_pairs(float* words, VecF v) {  // kLanes neighbours into half as many words
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)));
}
inline void store_pairs(float* words, VecF low, VecF high) {  // into kLanes words
  const __m512i l = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(low)));
  const __m512i h = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(high)));
  _mm512_storeu_si512(words, _mm512_or_si512(l, _mm512_slli_epi32(h, 16)));
}
inline VecF dot_pairs(VecF a, VecF b, VecF sum) {  // sum + the products of both halves, word by word
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
#endif

template <int step>
inline VecF add_products(VecF a, VecF b, VecF sum) {
#if PHALANX_CPU_BF16
  if constexpr (step == 2) return dot_pairs(a, b, sum);
#endif
  return fma(a, b, sum);
}

// kLanes neighbours of a row into their words.
template <int step>
inline void store_words(float* words, VecF v) {
#if PHALANX_CPU_BF16
  if constexpr (step == 2) return store_pairs(words, v);
#endif
  store(words, v);
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/intrinsics_end.h"
