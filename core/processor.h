// What this processor can do, for code that is chosen by it at run time.
#pragma once

namespace phalanx {

// The levels of the x86-64 psABI, as far as our code needs them: AVX2; AVX-512.
inline bool has_x86_64_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}
inline bool has_x86_64_v4() {
  return has_x86_64_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

// Dot products of bf16 pairs at twice the rate of fp32: AMD's AVX-512. Intel's does them at half of it.
inline bool has_fast_bf16_pairs() {
  return has_x86_64_v4() && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_is("amd");
}

}  // namespace phalanx
