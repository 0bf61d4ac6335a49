// One matrix product by oneDNN on the CPU: C (M, N) = A (M, K) B (K, N), with a cache of prepared primitives.
//
// Bits: the same product gives the same bits for every number of threads (tests/model/linear_test.cpp), unless A is
// stored by columns and K is 2,048 or more.
#pragma once

#include <string>

#include "model/ops/exec.h"

namespace phalanx::ops::onednn {

enum class Layout : std::uint8_t {
  rows,     // row-major
  columns,  // stored transposed: (K, M) for A, (N, K) for B, row-major
  packed,   // B only: a blob made by pack()
};

struct Product {
  std::int64_t M = 0, K = 0, N = 0;
  Layout a = Layout::rows;  // rows or columns
  Layout b = Layout::rows;
  std::int64_t packed_for = 0;                       // the M that a packed B was laid out for; any M may then use it
  DType in = DType::f32;                             // A, B and the bias
  DType out = DType::f32;                            // C
  bool accumulate = false;                           // C += instead of C =
  bool bias = false;                                 // adds a row (N) to every row of C
  auto operator<=>(const Product&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 errs here
};

// Computes; takes oneDNN's scratchpad from the workspace. While planning, takes it and computes nothing.
void multiply(const Exec& exec, const Product& product, const std::byte* a, const std::byte* b, std::byte* c,
              const std::byte* bias = nullptr);

// Whether oneDNN has generated code for the product, rather than its plain loops (a hundred times slower): it may lack
// some for a packed B and unusual rows of A.
bool is_fast(const Product& product);
// Bytes of the packed B of `product` (its b is packed); 0 when oneDNN would keep the plain layout.
std::int64_t packed_bytes(const Product& product);
// packed <- B (K, N), row-major or, with from == columns, stored transposed.
void pack(const Exec& exec, const Product& product, Layout from, std::byte* packed, const std::byte* b);

// What oneDNN sees in this processor.
enum class Isa : std::uint8_t { older, avx2, avx512, avx512_bf16, amx };
Isa isa();
std::string version();  // "2.6.3"

}  // namespace phalanx::ops::onednn
