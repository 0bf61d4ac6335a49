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

  // bias: parameter (V) cut like the table, -1: none.
  LmHead(int token_table, std::int64_t V, int bias = -1) : token_table_(token_table), V_(V), bias_(bias) {}

  // What the head adds to, (1) fp64 each.
  struct Sums {
    Tensor loss;     // -log p of the targets
    Tensor correct;  // targets with the largest logit of their row; may be undefined
  };
  // x (N, C), targets (N)
  void loss(const Context& ctx, const Tensor& x, const Tensor& targets, const Sums& sums) const;
  // Likewise, and returns dx (N, C); writes the table's gradient (the first that does) and adds that of the bias. All
  // are gradients of scale x loss; the sums are not scaled.
  [[nodiscard]] Tensor loss_and_gradient(const Context& ctx, const Tensor& x, const Tensor& targets, float scale,
                                         const Sums& sums) const;
  // x (N, C) -> logits (S, N, V_s) of this rank's shards.
  [[nodiscard]] Tensor logits(const Context& ctx, const Tensor& x) const;

 private:
  struct Chunk {
    Tensor logits;  // (S, n, V_s)
    Tensor lse;     // (n) fp32
  };
  Chunk chunk_loss(const Context& ctx, const Tensor& x, const Tensor& targets, const Sums& sums) const;
  void chunk_gradient(const Context& ctx, const Chunk& chunk, const Tensor& dx, const Tensor& x, const Tensor& targets,
                      float scale, ops::Write write) const;

  int token_table_;
  std::int64_t V_;
  int bias_;
};

}  // namespace phalanx
