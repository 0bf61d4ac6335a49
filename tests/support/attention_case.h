// Attention for tests: what a query sees, plain loops in double, and all tensors of a call.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "core/random.h"
#include "model/ops/attention.h"
#include "tests/support/arrays.h"

namespace phalanx::testing {

// What one query may see and how its weights are dropped; sequence b has ordinal 100 + 3 b.
struct AttentionRules {
  bool causal = true;
  int window = 0;
  int documents = 0;  // of uneven length; 0: no document mask
  float rate = 0.0F;
  int first_head = 0;
};

struct AttentionSizes {
  std::int64_t B, T, NH, HS;
};

// The bounds of `documents` documents in a window of T: the i-th cut is at T i² / documents².
inline std::pair<std::int64_t, std::int64_t> document_of(std::int64_t t, std::int64_t T, std::int64_t documents) {
  if (documents == 0) return {0, T};
  std::int64_t i = 0;
  const auto cut = [&](std::int64_t n) { return T * n * n / (documents * documents); };
  while (cut(i + 1) <= t) ++i;
  return {cut(i), cut(i + 1)};
}

inline bool sees(const AttentionRules& r, std::int64_t t, std::int64_t j, std::int64_t T) {
  const auto [begin, end] = document_of(t, T, r.documents);
  return j >= begin && j < end && (!r.causal || j <= t) && (r.window == 0 || std::abs(t - j) <= r.window);
}

inline double drop_factor(const AttentionRules& r, std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t j,
                          std::int64_t T) {
  if (r.rate == 0.0F) return 1.0;
  const RandomKey key{77, Purpose::attention_dropout, 6, static_cast<std::uint64_t>(100 + 3 * b)};
  const auto index = static_cast<std::uint64_t>(((r.first_head + h) * T + t) * T + j);
  return random_u32(key, index) < dropout_threshold(r.rate) ? 0.0 : 1.0 / (1.0 - double{r.rate});
}

// Rotary positions on queries and keys of qkv (N, 3, NH, HS), plain loops in double; positions (N).
inline Doubles rope_reference(Doubles qkv, const Doubles& positions, std::int64_t NH, std::int64_t HS, double theta) {
  const std::int64_t half = HS / 2;
  for (std::size_t n = 0; n < positions.size(); ++n) {
    for (std::int64_t head = 0; head < 2 * NH; ++head) {
      double* row = qkv.data() + (static_cast<std::int64_t>(n) * 3 * NH + head) * HS;
      for (std::int64_t i = 0; i < half; ++i) {
        const double angle = positions[n] * std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(HS));
        const double low = row[i], high = row[half + i];
        row[i] = low * std::cos(angle) - high * std::sin(angle);
        row[half + i] = high * std::cos(angle) + low * std::sin(angle);
      }
    }
  }
  return qkv;
}

struct AttentionReference {
  Doubles out, lse;
};

// Plain loops in double over qkv (B, T, 3, NH, HS).
inline AttentionReference attention_reference(const Doubles& qkv, const AttentionSizes& s, const AttentionRules& r) {
  AttentionReference result;
  result.out.assign(static_cast<std::size_t>(s.B * s.T * s.NH * s.HS), 0.0);
  result.lse.assign(static_cast<std::size_t>(s.B * s.NH * s.T), -std::numeric_limits<double>::infinity());
  const auto at = [&](std::int64_t b, std::int64_t t, std::int64_t part, std::int64_t h) {
    return qkv.data() + (((b * s.T + t) * 3 + part) * s.NH + h) * s.HS;
  };
  for (std::int64_t b = 0; b < s.B; ++b) {
    for (std::int64_t h = 0; h < s.NH; ++h) {
      for (std::int64_t t = 0; t < s.T; ++t) {
        Doubles weights(static_cast<std::size_t>(s.T), 0.0);
        double sum = 0.0;
        for (std::int64_t j = 0; j < s.T; ++j) {
          if (!sees(r, t, j, s.T)) continue;
          double score = 0.0;
          for (std::int64_t d = 0; d < s.HS; ++d) score += at(b, t, 0, h)[d] * at(b, j, 1, h)[d];
          weights[static_cast<std::size_t>(j)] = std::exp(score / std::sqrt(static_cast<double>(s.HS)));
          sum += weights[static_cast<std::size_t>(j)];
        }
        if (sum == 0.0) continue;
        result.lse[static_cast<std::size_t>((b * s.NH + h) * s.T + t)] = std::log(sum);
        double* out = result.out.data() + ((b * s.T + t) * s.NH + h) * s.HS;
        for (std::int64_t j = 0; j < s.T; ++j) {
          const double weight = weights[static_cast<std::size_t>(j)] / sum;
          if (weight == 0.0) continue;
          const double dropped = weight * drop_factor(r, b, h, t, j, s.T);
          for (std::int64_t d = 0; d < s.HS; ++d) out[d] += dropped * at(b, j, 2, h)[d];
        }
      }
    }
  }
  return result;
}

// All tensors of one call.
struct AttentionCase {
  AttentionCase(const AttentionSizes& s, const AttentionRules& r, DType dtype)
      : s(s),
        r(r),
        qkv(normal_array({s.B, s.T, 3, s.NH, s.HS}, dtype, 1)),
        out({s.B, s.T, s.NH, s.HS}, dtype),
        lse({s.B, s.NH, s.T}),
        dout(normal_array({s.B, s.T, s.NH, s.HS}, dtype, 2)),
        dqkv({s.B, s.T, 3, s.NH, s.HS}, dtype),
        document_begin({s.B, s.T}, DType::i32),
        document_end({s.B, s.T}, DType::i32),
        sequences({s.B}, DType::i64) {
    for (std::int64_t n = 0; n < s.B * s.T; ++n) {
      const auto [begin, end] = document_of(n % s.T, s.T, r.documents);
      document_begin.set(n, static_cast<double>(begin));
      document_end.set(n, static_cast<double>(end));
    }
    for (std::int64_t b = 0; b < s.B; ++b) sequences.set(b, 100.0 + 3.0 * static_cast<double>(b));
    out.fill(9.0);
    dqkv.fill(9.0);
  }
  ops::AttentionMask mask() {
    if (r.documents == 0) return {r.causal, r.window, {}, {}};
    return {r.causal, r.window, document_begin.tensor(), document_end.tensor()};
  }
  ops::Dropout dropout() { return {r.rate, 77, Purpose::attention_dropout, 6, sequences.tensor()}; }
  ops::AttentionForward forward() {
    return {out.tensor(), lse.tensor(), qkv.tensor(), mask(), dropout(), r.first_head};
  }
  ops::AttentionBackward backward() {
    return {dqkv.tensor(), dout.tensor(), qkv.tensor(), out.tensor(), lse.tensor(), mask(), dropout(), r.first_head};
  }

  AttentionSizes s;
  AttentionRules r;
  Array qkv, out, lse, dout, dqkv, document_begin, document_end, sequences;
};

inline std::string describe(const AttentionSizes& s, const AttentionRules& r, DType dtype) {
  return str(name_of(dtype), " B ", s.B, " T ", s.T, " NH ", s.NH, " HS ", s.HS, r.causal ? " causal" : " full",
             " window ", r.window, " documents ", r.documents, " dropout ", r.rate);
}

// Scores of HS terms move the weights by a few eps sqrt(HS) relative to themselves; outputs are averages of values of
// order 1, gradients sums of up to T such terms of which softmax leaves order 1.
inline double rounding(const AttentionSizes& s) {
  return 16.0 * epsilon_of(DType::f32) * std::sqrt(static_cast<double>(s.HS + s.T));
}

}  // namespace phalanx::testing
