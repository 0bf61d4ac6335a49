// Softmax attention on packed QKV, blocked (Dao et al., arXiv 2205.14135): no (T, T) matrix of all heads is stored.
//
//   o[b,t,h] = sum_j dropout(p[b,h,t,j]) v[b,j,h],   p = softmax_j(q[b,t,h] . k[b,j,h] / sqrt(HS)) over the visible j
//
// Visible keys of query t: j in [document_begin[b,t], document_end[b,t]), and j <= t if causal, and |t - j| <= window
// if window > 0. Rows without any visible key give o = 0.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

// What the host knows of document_begin and document_end beside their values; the fused kernels of GPUs need it. Either
// `whole`, or a list of documents that covers every token, in order, in memory; or nothing.
struct DocumentRuns {
  bool whole = false;  // every document is a whole sequence
  Tensor starts;       // (n + 1) int32: token b * T + t of each document's first, and the end of the last one
  Tensor lengths;      // (n) int32; n is a multiple of B, the last ones are empty
};

struct AttentionMask {
  bool causal = true;
  int window = 0;         // 0: no window
  Tensor document_begin;  // (B, T) int32; undefined: the whole sequence is one document
  Tensor document_end;    // (B, T) int32; defined together with document_begin
  DocumentRuns runs{};    // of them
};

struct AttentionForward {
  Tensor out;  // (B, T, NH, HS) out
  Tensor lse;  // (B, NH, T) fp32 out: log of the sum of exp(scores), for backward
  Tensor qkv;  // (B, T, 3, NH, HS)
  AttentionMask mask;
  Dropout dropout;     // element (h, t, j) of sequence b has index ((h_global * T + t) * T + j)
  int first_head = 0;  // global index of head 0
};
void attention_forward(const Exec& exec, const AttentionForward& a);

struct AttentionBackward {
  Tensor dqkv;  // (B, T, 3, NH, HS) out
  Tensor dout;  // (B, T, NH, HS)
  Tensor qkv;   // (B, T, 3, NH, HS)
  Tensor out;   // (B, T, NH, HS)
  Tensor lse;   // (B, NH, T) fp32
  AttentionMask mask;
  Dropout dropout;
  int first_head = 0;
};
void attention_backward(const Exec& exec, const AttentionBackward& a);

// One new token per sequence against a cache (generation): out[b,h] = softmax(q . K / sqrt(HS)) V over the first
// `length` positions.
struct AttentionDecode {
  Tensor out;      // (B, NH, HS) out
  Tensor qkv;      // (B, 3, NH, HS) of the new token; its K and V are written to the caches at position length - 1
  Tensor k_cache;  // (B, NH, Tmax, HS)
  Tensor v_cache;  // (B, NH, Tmax, HS)
  int length = 0;  // positions in the cache, the new one included
};
void attention_decode(const Exec& exec, const AttentionDecode& a);

// Keys and values of T positions at once, as attention_decode would have left them: the first T of the caches.
struct AttentionFillCache {
  Tensor qkv;      // (B, T, 3, NH, HS)
  Tensor k_cache;  // (B, NH, Tmax, HS) out
  Tensor v_cache;  // (B, NH, Tmax, HS) out
};
void attention_fill_cache(const Exec& exec, const AttentionFillCache& a);

}  // namespace phalanx::ops
