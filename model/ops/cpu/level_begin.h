// Start of code that is compiled once for every instruction set: include it after every other header, and
// level_end.h at the end of the file. Code of headers included before stays compiled for the baseline, so the linker
// can never hand a function with wide instructions to a processor that lacks them. No include guard on purpose.
#pragma GCC diagnostic ignored "-Wunknown-pragmas"  // clang-tidy knows no target pragmas
#pragma GCC push_options
#if PHALANX_CPU_BF16
#pragma GCC target("arch=x86-64-v4,avx512bf16,prefer-vector-width=512")
#elif PHALANX_CPU_V4
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#else
#pragma GCC target("arch=x86-64-v3")
#endif
