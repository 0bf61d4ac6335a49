// Norm: a layer norm with its parameters, alone or fused with the residual addition that feeds it.
#pragma once

#include <cstdint>
#include <string>

#include "model/context.h"
#include "model/ops/layernorm.h"

namespace phalanx {

// The residual stream between two norms: what has been summed so far, and the branch that the next norm will add.
// The sum is residual + dropout(branch + bias).
struct ResidualStream {
  Tensor residual;       // (N, C)
  Tensor branch;         // (N, C); undefined: nothing to add
  int bias = -1;         // parameter added to the branch
  ops::Dropout dropout;  // of the branch
};

// Gradients of a ResidualStream. `dbranch` may be `dresidual` itself.
struct StreamGradient {
  Tensor dresidual;  // (N, C)
  Tensor dbranch;    // (N, C)
};

struct NormOptions {
  std::string prefix;  // "final_norm."
  std::int64_t C = 0;
  int layer = -1;
  float epsilon = 1e-5F;
  bool beta = true;
};

class Norm {
 public:
  Norm(ParamBuilder& builder, const NormOptions& options);

  struct Saved {
    Tensor sum;   // (N, C) the norm's input
    Tensor mean;  // (N) fp32
    Tensor rstd;  // (N) fp32
    Tensor y;     // (N, C) the output; with selective recompute a buffer of all blocks, filled again by recompute
  };
  // Adds the branch and normalises. saved.sum takes the branch's memory; saved.y is taken where it is undefined.
  void forward(const Context& ctx, const ResidualStream& in, Saved& saved) const;
  // y again from a stored sum: the same bits.
  void recompute(const Context& ctx, Saved& saved) const;
  // dy (N, C): gradient of the output; dsum (N, C): gradient that reaches the sum by the residual path, undefined:
  // none. The result's dresidual overwrites dsum where it is defined.
  [[nodiscard]] StreamGradient backward(const Context& ctx, const Tensor& dy, const Tensor& dsum,
                                        const ResidualStream& in, const Saved& saved) const;

 private:
  [[nodiscard]] Tensor beta(const Context& ctx) const;

  int gamma_;
  int beta_;  // -1: none
  float epsilon_;
};

}  // namespace phalanx
