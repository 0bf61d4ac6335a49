// Attention on the GPU by plain kernels of our own: every mask, head size and dropout, in fp32, in a fixed order. What
// runs where the library has no plan, and what its results are compared with.
//
// A warp per query (forward, dq) or per key (dk, dv). It takes 32 keys (queries) at a time: a lane makes the score of
// one, then the lanes own channels c, c + 32, ... and add up. No (T, T) matrix, no atomics.
// Cost: about 4 B NH T² HS multiplications forward and 10 backward, halved when causal, none on tensor cores.
#include <cmath>

#include "model/ops/attention_scratch.h"
#include "model/ops/cuda/attention_ways.h"
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/pack.cuh"
#include "model/ops/cuda/random.cuh"
#include "model/ops/cuda/reduce.cuh"

namespace phalanx::ops::cuda {
namespace {

constexpr int kWarps = 4;  // of a block
constexpr int kThreads = kWarps * kWarp;
constexpr int kMaxHeadSize = 256;
constexpr int kOwn = kMaxHeadSize / kWarp;  // channels of a lane

__device__ inline int lane() { return static_cast<int>(threadIdx.x) % kWarp; }
__device__ inline std::int64_t warp_index() {
  return static_cast<std::int64_t>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
}

struct Sizes {
  std::int64_t B, T, NH, HS;
  float scale;  // 1 / sqrt(HS)
};

struct Mask {
  bool causal;
  std::int64_t window;
  const std::int32_t* begin;  // (B, T), may be null
  const std::int32_t* end;
};

struct Range {
  std::int64_t begin, end;
  __device__ bool holds(std::int64_t j) const { return j >= begin && j < end; }
};

__device__ inline Range visible_keys(const Mask& m, const Sizes& s, std::int64_t b, std::int64_t t) {
  Range r{0, m.causal ? t + 1 : s.T};
  if (m.begin != nullptr) {
    if (m.begin[b * s.T + t] > 0) r.begin = m.begin[b * s.T + t];
    if (m.end[b * s.T + t] < r.end) r.end = m.end[b * s.T + t];
  }
  if (m.window > 0) {
    if (t - m.window > r.begin) r.begin = t - m.window;
    if (t + m.window + 1 < r.end) r.end = t + m.window + 1;
  }
  return r;
}

// Dropout of attention: element (h, t, j) of sequence b.
struct HeadDropper {
  Dropper dropper;
  std::int64_t first_head;
  // What a probability is multiplied by: 0 or 1 / (1 - rate).
  __device__ float factor(const Sizes& s, std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t j) const {
    if (dropper.rate == 0.0F) return 1.0F;
    const RandomKey key{dropper.seed, dropper.purpose, dropper.layer, static_cast<std::uint64_t>(dropper.sequences[b])};
    const auto index = static_cast<std::uint64_t>(((first_head + h) * s.T + t) * s.T + j);
    return random_u32(key, index) < dropper.threshold ? 0.0F : dropper.scale;
  }
};

// Rows of (B, T, 3, NH, HS): which = 0 q, 1 k, 2 v.
template <class T>
__device__ inline T* row_of(T* qkv, const Sizes& s, std::int64_t b, std::int64_t t, int which, std::int64_t h) {
  return qkv + (((b * s.T + t) * 3 + which) * s.NH + h) * s.HS;
}

template <class T>
__device__ inline float dot(const T* a, const T* b, std::int64_t HS) {
  float sum = 0.0F;
  for (std::int64_t c = 0; c < HS; ++c) sum = fmaf(to_float(a[c]), to_float(b[c]), sum);
  return sum;
}

// A lane's channels lane, lane + 32, ... of a sum over rows.
struct Channels {
  float values[kOwn];
  __device__ void clear() {
    for (int i = 0; i < kOwn; ++i) values[i] = 0.0F;
  }
  __device__ void multiply(float factor) {
    for (int i = 0; i < kOwn; ++i) values[i] *= factor;
  }
  template <class T>
  __device__ void add(const T* row, float weight, std::int64_t HS) {
    for (int i = 0; i < kOwn; ++i) {
      const std::int64_t c = lane() + i * kWarp;
      if (c < HS) values[i] = fmaf(weight, to_float(row[c]), values[i]);
    }
  }
  template <class T>
  __device__ void store(T* row, float factor, std::int64_t HS) const {
    for (int i = 0; i < kOwn; ++i) {
      const std::int64_t c = lane() + i * kWarp;
      if (c < HS) row[c] = from_float<T>(values[i] * factor);
    }
  }
};

__device__ inline float minus_infinity() { return __int_as_float(static_cast<int>(0xFF800000U)); }

// Softmax so far: of scores up to `largest`, `sum` of exponentials, `out` the weighted sum of rows.
struct Running {
  float largest;
  float sum;
  Channels out;

  // 32 more keys: `score` of this lane's (-inf: none), its weight multiplied by `factor` in the output.
  template <class Row>
  __device__ void take(float score, float factor, std::int64_t keys, std::int64_t HS, Row&& row) {
    const float next = fmaxf(largest, warp_reduce(score, Max{}));
    const float p = score == minus_infinity() ? 0.0F : expf(score - next);
    const float shrink = largest == minus_infinity() ? 0.0F : expf(largest - next);
    out.multiply(shrink);
    sum = sum * shrink + warp_reduce(p, Add{});
    largest = next;
    for (int k = 0; k < keys; ++k) out.add(row(k), __shfl_sync(0xFFFFFFFFU, p * factor, k), HS);
  }
};

template <class T>
__global__ void attention_forward_warp_per_query(T* out, float* lse, const T* qkv, Mask mask, HeadDropper dropper,
                                                 Sizes s) {
  const std::int64_t w = warp_index();  // (b, h, t)
  if (w >= s.B * s.NH * s.T) return;
  const std::int64_t t = w % s.T;
  const std::int64_t h = w / s.T % s.NH;
  const std::int64_t b = w / s.T / s.NH;
  const Range keys = visible_keys(mask, s, b, t);
  const T* q = row_of(qkv, s, b, t, 0, h);
  Running running{minus_infinity(), 0.0F, {}};
  running.out.clear();
  for (std::int64_t first = keys.begin; first < keys.end; first += kWarp) {
    const std::int64_t j = first + lane();
    const std::int64_t count = keys.end - first < kWarp ? keys.end - first : kWarp;
    const bool mine = lane() < count;
    const float score = mine ? dot(q, row_of(qkv, s, b, j, 1, h), s.HS) * s.scale : minus_infinity();
    running.take(score, mine ? dropper.factor(s, b, h, t, j) : 0.0F, count, s.HS,
                 [&](int k) { return row_of(qkv, s, b, first + k, 2, h); });
  }
  running.out.store(out + ((b * s.T + t) * s.NH + h) * s.HS, running.sum > 0.0F ? 1.0F / running.sum : 0.0F, s.HS);
  if (lane() == 0) lse[w] = running.largest + logf(running.sum);
}

template <class T>
struct BackwardInputs {
  const T* dout;
  const T* qkv;
  const T* out;
  const float* lse;
};

// ds and the dropped probability of (t, j); `delta` = dout . out of t.
struct Pair {
  float p;   // what multiplies v
  float ds;  // gradient of the score, times scale
};
template <class T>
__device__ inline Pair pair_of(const BackwardInputs<T>& in, const HeadDropper& dropper, const Sizes& s, std::int64_t b,
                               std::int64_t h, std::int64_t t, std::int64_t j, float delta) {
  const float score = dot(row_of(in.qkv, s, b, t, 0, h), row_of(in.qkv, s, b, j, 1, h), s.HS) * s.scale;
  const float p = expf(score - in.lse[(b * s.NH + h) * s.T + t]);
  const float factor = dropper.factor(s, b, h, t, j);
  const T* dout = in.dout + ((b * s.T + t) * s.NH + h) * s.HS;
  const float dp = dot(dout, row_of(in.qkv, s, b, j, 2, h), s.HS) * factor;
  return {p * factor, p * (dp - delta) * s.scale};
}

// dq, and delta (B, NH, T) for the other kernel.
template <class T>
__global__ void attention_backward_warp_per_query(T* dqkv, float* deltas, BackwardInputs<T> in, Mask mask,
                                                  HeadDropper dropper, Sizes s) {
  const std::int64_t w = warp_index();
  if (w >= s.B * s.NH * s.T) return;
  const std::int64_t t = w % s.T;
  const std::int64_t h = w / s.T % s.NH;
  const std::int64_t b = w / s.T / s.NH;
  const std::int64_t row = ((b * s.T + t) * s.NH + h) * s.HS;
  float delta = 0.0F;
  for (std::int64_t c = lane(); c < s.HS; c += kWarp) delta += to_float(in.dout[row + c]) * to_float(in.out[row + c]);
  delta = warp_reduce(delta, Add{});
  const Range keys = visible_keys(mask, s, b, t);
  Channels dq{};
  for (std::int64_t first = keys.begin; first < keys.end; first += kWarp) {
    const std::int64_t count = keys.end - first < kWarp ? keys.end - first : kWarp;
    const float ds = lane() < count ? pair_of(in, dropper, s, b, h, t, first + lane(), delta).ds : 0.0F;
    for (int k = 0; k < count; ++k) {
      dq.add(row_of(in.qkv, s, b, first + k, 1, h), __shfl_sync(0xFFFFFFFFU, ds, k), s.HS);
    }
  }
  dq.store(row_of(dqkv, s, b, t, 0, h), 1.0F, s.HS);
  if (lane() == 0) deltas[w] = delta;
}

// dk and dv. A query counts where it sees this key.
template <class T>
__global__ void attention_backward_warp_per_key(T* dqkv, const float* deltas, BackwardInputs<T> in, Mask mask,
                                                HeadDropper dropper, Sizes s) {
  const std::int64_t w = warp_index();
  if (w >= s.B * s.NH * s.T) return;
  const std::int64_t j = w % s.T;
  const std::int64_t h = w / s.T % s.NH;
  const std::int64_t b = w / s.T / s.NH;
  Channels dk{};
  Channels dv{};
  for (std::int64_t first = mask.causal ? j : 0; first < s.T; first += kWarp) {
    const std::int64_t t = first + lane();
    const std::int64_t count = s.T - first < kWarp ? s.T - first : kWarp;
    Pair pair{0.0F, 0.0F};
    if (lane() < count && visible_keys(mask, s, b, t).holds(j)) {
      pair = pair_of(in, dropper, s, b, h, t, j, deltas[(b * s.NH + h) * s.T + t]);
    }
    for (int k = 0; k < count; ++k) {
      dk.add(row_of(in.qkv, s, b, first + k, 0, h), __shfl_sync(0xFFFFFFFFU, pair.ds, k), s.HS);
      dv.add(in.dout + ((b * s.T + first + k) * s.NH + h) * s.HS, __shfl_sync(0xFFFFFFFFU, pair.p, k), s.HS);
    }
  }
  dk.store(row_of(dqkv, s, b, j, 1, h), 1.0F, s.HS);
  dv.store(row_of(dqkv, s, b, j, 2, h), 1.0F, s.HS);
}

// One new token: qkv (B, 3, NH, HS), caches (B, NH, T_max, HS). A warp per (b, h).
template <class T>
__global__ void attention_decode_warp_per_head(T* out, const T* qkv, T* k_cache, T* v_cache, std::int64_t length,
                                               std::int64_t T_max, Sizes s) {
  const std::int64_t w = warp_index();  // (b, h)
  if (w >= s.B * s.NH) return;
  const std::int64_t h = w % s.NH;
  const std::int64_t b = w / s.NH;
  const auto part = [&](int which) { return qkv + ((b * 3 + which) * s.NH + h) * s.HS; };
  T* k = k_cache + w * T_max * s.HS;
  T* v = v_cache + w * T_max * s.HS;
  for (std::int64_t c = lane(); c < s.HS; c += kWarp) {
    k[(length - 1) * s.HS + c] = part(1)[c];
    v[(length - 1) * s.HS + c] = part(2)[c];
  }
  __syncwarp();
  Running running{minus_infinity(), 0.0F, {}};
  running.out.clear();
  for (std::int64_t first = 0; first < length; first += kWarp) {
    const std::int64_t count = length - first < kWarp ? length - first : kWarp;
    const float score = lane() < count
                            ? dot(part(0), static_cast<const T*>(k + (first + lane()) * s.HS), s.HS) * s.scale
                            : minus_infinity();
    running.take(score, 1.0F, count, s.HS, [&](int i) { return v + (first + i) * s.HS; });
  }
  running.out.store(out + w * s.HS, 1.0F / running.sum, s.HS);
}

// Keys and values of (B, T, 3, NH, HS) into the first T positions of (B, NH, T_max, HS): a thread per element.
template <class T>
__global__ void fill_cache(T* k_cache, T* v_cache, const T* qkv, std::int64_t T_max, Sizes s) {
  const std::int64_t i = thread_index();  // (b, t, h, c)
  if (i >= s.B * s.T * s.NH * s.HS) return;
  const std::int64_t c = i % s.HS;
  const std::int64_t h = i / s.HS % s.NH;
  const std::int64_t t = i / s.HS / s.NH % s.T;
  const std::int64_t b = i / s.HS / s.NH / s.T;
  const std::int64_t to = ((b * s.NH + h) * T_max + t) * s.HS + c;
  k_cache[to] = row_of(qkv, s, b, t, 1, h)[c];
  v_cache[to] = row_of(qkv, s, b, t, 2, h)[c];
}

Sizes sizes_of(std::int64_t B, std::int64_t T, std::int64_t NH, std::int64_t HS) {
  return {B, T, NH, HS, static_cast<float>(1.0 / std::sqrt(static_cast<double>(HS)))};
}
Sizes sizes_of(const Tensor& qkv) { return sizes_of(qkv.size(0), qkv.size(1), qkv.size(3), qkv.size(4)); }

Mask mask_of(const AttentionMask& m) {
  const auto pointer = [](const Tensor& t) { return t.defined() ? t.as<std::int32_t>() : nullptr; };
  return {m.causal, m.window, pointer(m.document_begin), pointer(m.document_end)};
}

HeadDropper dropper_of(const Dropout& dropout, const Tensor& qkv, int first_head) {
  return {make_dropper(dropout, qkv.size(0), 1), first_head};
}

Launch by_warps(std::int64_t warps) { return {divide_up(warps, kWarps), kThreads}; }

}  // namespace

void attention_forward_plain(const Exec& exec, const AttentionForward& a) {
  const Sizes s = sizes_of(a.qkv);
  visit_dtype(a.qkv.dtype, [&]<class T>() {
    launch(attention_forward_warp_per_query<T>, by_warps(s.B * s.NH * s.T), exec.stream, a.out.as<T>(),
           a.lse.as<float>(), a.qkv.as<T>(), mask_of(a.mask), dropper_of(a.dropout, a.qkv, a.first_head), s);
  });
}

void attention_backward_plain(const Exec& exec, const AttentionBackward& a) {
  const Sizes s = sizes_of(a.qkv);
  const HeadDropper dropper = dropper_of(a.dropout, a.qkv, a.first_head);
  Scratch scratch(*exec.workspace);
  const Tensor deltas = take_attention_deltas(scratch, a.lse);
  visit_dtype(a.qkv.dtype, [&]<class T>() {
    const BackwardInputs<T> in{a.dout.as<T>(), a.qkv.as<T>(), a.out.as<T>(), a.lse.as<float>()};
    launch(attention_backward_warp_per_query<T>, by_warps(s.B * s.NH * s.T), exec.stream, a.dqkv.as<T>(),
           deltas.as<float>(), in, mask_of(a.mask), dropper, s);
    launch(attention_backward_warp_per_key<T>, by_warps(s.B * s.NH * s.T), exec.stream, a.dqkv.as<T>(),
           deltas.as<float>(), in, mask_of(a.mask), dropper, s);
  });
}

void attention_decode(const Exec& exec, const AttentionDecode& a) {
  const Sizes s = sizes_of(a.qkv.size(0), 1, a.qkv.size(2), a.qkv.size(3));
  visit_dtype(a.qkv.dtype, [&]<class T>() {
    launch(attention_decode_warp_per_head<T>, by_warps(s.B * s.NH), exec.stream, a.out.as<T>(), a.qkv.as<T>(),
           a.k_cache.as<T>(), a.v_cache.as<T>(), std::int64_t{a.length}, a.k_cache.size(2), s);
  });
}

void attention_fill_cache(const Exec& exec, const AttentionFillCache& a) {
  const Sizes s = sizes_of(a.qkv);
  visit_dtype(a.qkv.dtype, [&]<class T>() {
    launch(fill_cache<T>, {divide_up(a.qkv.count() / 3, 256)}, exec.stream, a.k_cache.as<T>(), a.v_cache.as<T>(),
           a.qkv.as<T>(), a.k_cache.size(2), s);
  });
}

}  // namespace phalanx::ops::cuda
