// The graph of attention, forward and backward, in the order of operations that cuDNN knows as one fused kernel.
//
//   forward:  s = mask(scale q k^T);  lse = max s + log sum exp(s - max s);  out = (exp(s - max s) / sum) v
//   backward: d = rowsum(dout * out);  p = exp(mask(scale q k^T - lse));  dv = p^T dout;
//             ds = scale p (dout v^T - d);  dk = ds^T q;  dq = ds k
//
// q, k, v and their gradients are views of packed (B, T, 3, NH, HS), out and dout of (B, T, NH, HS): strides, no
// copies.
#pragma once

#include "model/ops/cudnn/attention_key.h"
#include "model/ops/cudnn/graph.h"

namespace phalanx::ops::cudnn {

Graph attention_graph(const AttentionKey& key);

}  // namespace phalanx::ops::cudnn
