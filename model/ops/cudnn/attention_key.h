// What a fused attention is asked for, and the names of its buffers. Needs no header of cuDNN.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/dtype.h"

namespace phalanx::ops::cudnn {

// One fused attention by its shape; equal ones share a plan.
struct AttentionKey {
  bool backward = false;
  bool deterministic = true;  // backward: dq from stored gradients of scores instead of added up by atomics
  std::int64_t B = 0;         // sequences, or with `packed` documents of one run
  std::int64_t T = 0;         // tokens of a sequence, or the most of a document
  std::int64_t NH = 0, HS = 0;
  DType dtype = DType::bf16;
  bool causal = true;
  std::int64_t window = 0;  // keys farther than this on either side are not seen; 0: no window
  bool packed = false;      // entries of dim 0 are documents: where they start, and their lengths, come with each run
  auto operator<=>(const AttentionKey&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 errs here
};

std::string describe(const AttentionKey& key);

// Names of what has memory. q, k, v are views of packed (tokens, 3, NH, HS) and so are their gradients: the address of
// a view is that of its first element.
enum AttentionTensor : std::int64_t {
  kQ = 1,
  kK,
  kV,
  kOut,  // (tokens, NH, HS)
  kLse,  // fp32 (B, NH, T); with `packed` (tokens, NH)
  kDout,
  kDq,
  kDk,
  kDv,
  kRowSums,     // fp32 (B, NH, T), backward: dout . out of each query
  kDqSums,      // fp32 (B, NH, T, HS), backward that is not deterministic: where atomics add dq up
  kQkvOffsets,  // with `packed` (B + 1) int64: first element of each document in q, k, v, dq, dk, dv
  kOutOffsets,  // likewise in out and dout
  kLseOffsets,  // likewise in lse
  kLengths,     // with `packed` (B) int32: tokens of each document; 0: none
};
using AttentionMemory = std::vector<std::pair<std::int64_t, void*>>;  // by name

}  // namespace phalanx::ops::cudnn
