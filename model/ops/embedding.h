// Token + position + token type embedding over a part [vocabulary_begin, + rows of token_table) of the vocabulary.
// Tokens outside the part contribute zero, so that the sum over tensor ranks is the embedding; positions and types are
// added where their tables are given.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

struct EmbeddingForward {
  Tensor y;               // (N, C) out
  Tensor tokens;          // (N) int32
  Tensor positions;       // (N) int32; undefined: no positions are added here
  Tensor token_table;     // (V_s, C)
  Tensor position_table;  // (T_max, C); defined together with positions
  Tensor types;           // (N) int32; undefined: all are 0
  Tensor type_table;      // (K, C); undefined: no types are added here
  std::int64_t vocabulary_begin = 0;
};
void embedding_forward(const Exec& exec, const EmbeddingForward& a);

struct EmbeddingBackward {
  Tensor dtoken_table;     // (V_s, C) fp32, accumulated in token order: deterministic
  Tensor dposition_table;  // (T_max, C) fp32, accumulated; undefined: none
  Tensor dy;               // (N, C)
  Tensor tokens;           // (N) int32
  Tensor positions;        // (N) int32; defined together with dposition_table
  Tensor dtype_table;      // (K, C) fp32, accumulated; undefined: none
  Tensor types;            // (N) int32; undefined: all are 0
  std::int64_t vocabulary_begin = 0;
};
void embedding_backward(const Exec& exec, const EmbeddingBackward& a);

}  // namespace phalanx::ops
