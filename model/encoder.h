// Encoder: a network that predicts masked tokens, and perhaps whether two segments follow each other.
#pragma once

#include "model/layers/encoder_heads.h"
#include "model/network.h"

namespace phalanx {

class Encoder : public Network {
 public:
  // Logits of what the batch asks for, dropout off. They live in ctx.activations until the caller's Scratch ends.
  [[nodiscard]] virtual EncoderHeads::Logits predict(const Context& ctx, const Batch& batch) const = 0;
};

}  // namespace phalanx
