// NetworkOptions: the shape of a network; the trainer fills it from the configuration.
#pragma once

#include <cstdint>
#include <string>

#include "model/ops/gelu.h"
#include "model/recompute.h"

namespace phalanx {

struct NetworkOptions {
  std::string family = "gpt";                              // gpt | bert | modern_encoder
  std::int64_t L = 0, C = 0, NH = 0, F = 0, T = 0, V = 0;  // T: longest context
  double dropout = 0.0, attention_dropout = 0.0;
  ops::Gelu activation = ops::Gelu::tanh;
  float init_std = 0.02F;
  Recompute recompute = Recompute::none;
  double norm_epsilon = 1e-5;
  std::int64_t token_types = 0;  // rows of the token type table; 0: there is none
  bool next_sentence = false;    // pooler and next-sentence head
  // Of modern_encoder alone:
  std::int64_t local_attention = 128;  // width of a local layer's window: keys up to half of it on either side
  std::int64_t global_every = 3;       // layers 0, 3, 6 ... see their whole document
  double rope_theta = 160000.0;        // of global layers
  double local_rope_theta = 10000.0;
};

}  // namespace phalanx
