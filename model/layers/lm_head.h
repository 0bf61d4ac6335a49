// LmHead: logits of the tied token table and their cross entropy, the vocabulary cut over tensor shards. Works through
// the rows in chunks, so the logits of all rows are never stored; the gradient overwrites the logits of a chunk at
// once.
#pragma once

#include <cstdint>

#include "model/context.h"

namespace phalanx {

class LmHead {
 public:
  // Rows of logits held at a time.
  static constexpr std::int64_t kChunkRows = 1024;

  LmHead(int token_table, std::int64_t V) : token_table_(token_table), V_(V) {}

  // x (N, C), targets (N): adds the token losses to loss_sum (1) fp64.
  void loss(const Context& ctx, const Tensor& x, const Tensor& targets, const Tensor& loss_sum) const;
  // Likewise, and returns dx (N, C); writes the table's gradient (the first that does). Both are gradients of scale x
  // loss; loss_sum is not scaled.
  [[nodiscard]] Tensor loss_and_gradient(const Context& ctx, const Tensor& x, const Tensor& targets, float scale,
                                         const Tensor& loss_sum) const;
  // x (N, C) -> logits (S, N, V_s) of this rank's shards.
  [[nodiscard]] Tensor logits(const Context& ctx, const Tensor& x) const;

 private:
  struct Chunk {
    Tensor logits;  // (S, n, V_s)
    Tensor lse;     // (n) fp32
  };
  Chunk chunk_loss(const Context& ctx, const Tensor& x, const Tensor& targets, const Tensor& loss_sum) const;
  void chunk_gradient(const Context& ctx, const Chunk& chunk, const Tensor& dx, const Tensor& x, const Tensor& targets,
                      float scale, ops::Write write) const;

  int token_table_;
  std::int64_t V_;
};

}  // namespace phalanx
