// BlockStack: the pre-norm blocks of a network one after another, and what each keeps for backward (Recompute).
#pragma once

#include <vector>

#include "model/layers/block.h"
#include "model/recompute.h"

namespace phalanx {

class BlockStack {
 public:
  // One block per entry; all of the same sizes.
  BlockStack(ParamBuilder& builder, const std::vector<BlockOptions>& layers, Recompute recompute);

  struct Saved {
    std::vector<TransformerBlock::Saved> blocks;
    TransformerBlock::Shared shared;
  };
  // Runs all blocks on x (N, C) and keeps what backward needs. -> the stream after the last one
  ResidualStream forward(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask, Saved& saved) const;
  // Gradient of that stream -> of x (N, C).
  [[nodiscard]] Tensor backward(const Context& ctx, StreamGradient d, const ops::AttentionMask& mask,
                                Saved& saved) const;

  // Generation: caches of all layers.
  using Cache = std::vector<TransformerBlock::Cache>;
  [[nodiscard]] Cache make_cache(const Context& ctx, std::int64_t B, std::int64_t T_max) const;
  // Runs all blocks in the memory of one, nothing is kept; fills the cache where it is given.
  ResidualStream forward_only(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask,
                              const Cache* cache) const;
  // One new position per sequence, x (B, C), against the cache; `length` counts it.
  ResidualStream decode(const Context& ctx, const Tensor& x, const Cache& cache, int length) const;

 private:
  ResidualStream forward_in_turn(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask, Saved* saved,
                                 const Cache* cache) const;

  BlockOptions sizes_;  // of each block
  Recompute recompute_;
  std::vector<TransformerBlock> blocks_;
};

}  // namespace phalanx
