// One register of floats: 16 lanes (cpu_v4) or 8 (cpu_v3), and the few operations that kernels are written in. Also
// available: + - * / of the language. Included between level_begin.h and level_end.h; <immintrin.h> and core/dtype.h
// before them.
#pragma once

#include "model/ops/cpu/intrinsics_begin.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

#if PHALANX_CPU_V4
inline constexpr int kLanes = 16;
using VecF = __m512;   // floats
using VecU = __m512i;  // 32-bit words
using Mask = __mmask16;

inline VecF set(float value) { return _mm512_set1_ps(value); }
inline VecU set_u32(std::uint32_t value) { return _mm512_set1_epi32(static_cast<int>(value)); }
inline VecF bits_to_float(VecU u) { return _mm512_castsi512_ps(u); }
inline VecU float_to_bits(VecF v) { return _mm512_castps_si512(v); }
inline VecF load(const float* p) { return _mm512_loadu_ps(p); }
inline VecU load(const std::uint32_t* p) { return _mm512_loadu_si512(p); }
inline void store(float* p, VecF v) { _mm512_storeu_ps(p, v); }
inline void stream(float* p, VecF v) { _mm512_stream_ps(p, v); }  // past the caches; p is aligned to a register
inline void store(std::uint32_t* p, VecU v) { _mm512_storeu_si512(p, v); }

inline VecF fma(VecF a, VecF b, VecF c) { return _mm512_fmadd_ps(a, b, c); }  // a b + c
// Of NaN and a number, max and min give the second argument: pass data second, so that NaN stays NaN.
inline VecF max(VecF a, VecF b) { return _mm512_max_ps(a, b); }
inline VecF min(VecF a, VecF b) { return _mm512_min_ps(a, b); }
inline VecF abs(VecF v) { return _mm512_abs_ps(v); }
inline VecF round(VecF v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline VecF times_power_of_two(VecF v, VecF whole) { return _mm512_scalef_ps(v, whole); }  // v 2^whole
inline Mask less(VecF a, VecF b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
inline Mask at_least(VecU a, VecU b) { return _mm512_cmpge_epu32_mask(a, b); }
inline Mask both(Mask a, Mask b) { return a & b; }
inline VecF select(Mask m, VecF yes, VecF no) { return _mm512_mask_blend_ps(m, no, yes); }
inline VecF keep(Mask m, VecF v) { return _mm512_maskz_mov_ps(m, v); }  // 0 elsewhere
inline VecF lane_numbers() { return _mm512_set_ps(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0); }

inline VecF load(const bf16* p) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return bits_to_float(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
// Round to nearest even; NaN stays a quiet NaN, as bf16::round_bits.
inline void store(bf16* p, VecF v) {
  const __m512i u = float_to_bits(v);
  const __m512i high = _mm512_srli_epi32(u, 16);
  const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
  __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7FFF)), odd), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  rounded = _mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(rounded));
}
inline float sum(VecF v) {
  const __m256 a = _mm256_castsi256_ps(_mm512_extracti64x4_epi64(float_to_bits(v), 1)) + _mm512_castps512_ps256(v);
  const __m128 b = _mm256_extractf128_ps(a, 1) + _mm256_castps256_ps128(a);
  const __m128 c = b + _mm_movehl_ps(b, b);
  return c[0] + c[1];
}
inline float max_lane(VecF v) { return _mm512_reduce_max_ps(v); }
#else
inline constexpr int kLanes = 8;
using VecF = __m256;
using VecU = __m256i;
using Mask = __m256;

inline VecF set(float value) { return _mm256_set1_ps(value); }
inline VecU set_u32(std::uint32_t value) { return _mm256_set1_epi32(static_cast<int>(value)); }
inline VecF bits_to_float(VecU u) { return _mm256_castsi256_ps(u); }
inline VecU float_to_bits(VecF v) { return _mm256_castps_si256(v); }
inline VecF load(const float* p) { return _mm256_loadu_ps(p); }
inline VecU load(const std::uint32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline void store(float* p, VecF v) { _mm256_storeu_ps(p, v); }
inline void stream(float* p, VecF v) { _mm256_stream_ps(p, v); }
inline void store(std::uint32_t* p, VecU v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }

inline VecF fma(VecF a, VecF b, VecF c) { return _mm256_fmadd_ps(a, b, c); }
inline VecF max(VecF a, VecF b) { return _mm256_max_ps(a, b); }
inline VecF min(VecF a, VecF b) { return _mm256_min_ps(a, b); }
inline VecF abs(VecF v) { return _mm256_andnot_ps(set(-0.0F), v); }
inline VecF round(VecF v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// whole in [-126, 127], which is all that exp() asks for.
inline VecF times_power_of_two(VecF v, VecF whole) {
  const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(whole), _mm256_set1_epi32(127));
  return v * _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}
inline Mask less(VecF a, VecF b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
inline Mask at_least(VecU a, VecU b) { return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epu32(a, b), a)); }
inline Mask both(Mask a, Mask b) { return _mm256_and_ps(a, b); }
inline VecF select(Mask m, VecF yes, VecF no) { return _mm256_blendv_ps(no, yes, m); }
inline VecF keep(Mask m, VecF v) { return _mm256_and_ps(m, v); }
inline VecF lane_numbers() { return _mm256_set_ps(7, 6, 5, 4, 3, 2, 1, 0); }

inline VecF load(const bf16* p) {
  const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return bits_to_float(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}
inline void store(bf16* p, VecF v) {
  const __m256i u = float_to_bits(v);
  const __m256i high = _mm256_srli_epi32(u, 16);
  const __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
  __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7FFF)), odd), 16);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  rounded = _mm256_blendv_epi8(rounded, _mm256_or_si256(high, _mm256_set1_epi32(0x40)), nan);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(rounded, rounded), 0x08);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
}
inline float sum(VecF v) {
  const __m128 b = _mm256_extractf128_ps(v, 1) + _mm256_castps256_ps128(v);
  const __m128 c = b + _mm_movehl_ps(b, b);
  return c[0] + c[1];
}
inline float max_lane(VecF v) {
  const __m128 b = _mm_max_ps(_mm256_extractf128_ps(v, 1), _mm256_castps256_ps128(v));
  const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return c[0] > c[1] ? c[0] : c[1];
}
#endif

// Whether memory that is written whole, and read much later, is better written past the caches: it is larger than those
// of a core. Streams need whole lines.
inline bool worth_streaming(const void* data, std::int64_t bytes) {
  return bytes >= (std::int64_t{1} << 20) && reinterpret_cast<std::uintptr_t>(data) % 64 == 0;
}
inline void finish_streams() { _mm_sfence(); }

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/intrinsics_end.h"
