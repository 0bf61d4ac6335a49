#include "model/ops/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/arrays.h"
#include "tests/support/attention_case.h"
#include "tests/support/exec.h"
#include "tests/support/gradient_check.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)
using Case = AttentionCase;
using Rules = AttentionRules;
using Sizes = AttentionSizes;

constexpr DType kTypes[] = {DType::f32, DType::bf16};

class Attention : public EachCpuLevel {
 protected:
  // What outputs lose where weights are rounded to bf16: each of them half an eps, and outputs are their averages.
  [[nodiscard]] double weight_rounding(Case& c) const {
    const bool rounded = c.qkv.tensor().dtype == DType::bf16 && GetParam()->attention_step > 1;
    return rounded ? 0.5 * epsilon_of(DType::bf16) * largest(c.qkv.values()) : 0.0;
  }
};

constexpr Rules kRules[] = {
    {true, 0, 0, 0.0F, 0},  {false, 0, 0, 0.0F, 0},  {true, 5, 0, 0.0F, 0},
    {false, 9, 0, 0.0F, 0}, {true, 0, 3, 0.0F, 0},   {false, 0, 4, 0.0F, 0},
    {true, 0, 0, 0.25F, 3}, {false, 70, 2, 0.5F, 1}, {true, 40, 3, 0.1F, 0},
};

TEST_P(Attention, ForwardMatchesDoubleLoops) {
  for (const Sizes& s : {Sizes{1, 1, 1, 1}, Sizes{2, 31, 2, 8}, Sizes{1, 33, 3, 64}, Sizes{1, 130, 2, 33},
                         Sizes{1, 65, 1, 128}, Sizes{1, 70, 1, 256}}) {
    for (const Rules& r : kRules) {
      for (const DType dtype : kTypes) {
        SCOPED_TRACE(describe(s, r, dtype));
        Case c(s, r, dtype);
        attention_forward(exec(), c.forward());
        const AttentionReference want = attention_reference(c.qkv.values(), s, r);
        expect_close(c.out, want.out, epsilon_of(dtype), (rounding(s) + weight_rounding(c)) / (1.0 - r.rate));
        expect_close(c.lse, want.lse, epsilon_of(DType::f32), rounding(s));
      }
    }
  }
}

TEST_P(Attention, BackwardMatchesFiniteDifferences) {
  for (const Rules& r : kRules) {
    const Sizes s{2, 9, 2, 5};
    SCOPED_TRACE(describe(s, r, DType::f32));
    Case c(s, r, DType::f32);
    attention_forward(exec(), c.forward());
    attention_backward(exec(), c.backward());
    const Doubles dout = c.dout.values();
    const auto loss = [&](const Doubles& qkv) { return dot(dout, attention_reference(qkv, s, r).out); };
    const double error = 4.0 * rounding(s) / (1.0 - r.rate) * largest(dout);
    expect_close(c.dqkv, numeric_gradient(loss, c.qkv.values()), epsilon_of(DType::f32), error);
  }
}

// Gradients at chosen elements: every 97th of qkv, so that all parts, heads and blocks are met.
TEST_P(Attention, BackwardMatchesFiniteDifferencesOverSeveralBlocks) {
  for (const Sizes& s : {Sizes{1, 131, 1, 20}, Sizes{1, 193, 1, 7}}) {
    for (const Rules& r : {kRules[0], kRules[1], kRules[5], kRules[7], kRules[8]}) {
      for (const DType dtype : kTypes) {
        SCOPED_TRACE(describe(s, r, dtype));
        Case c(s, r, dtype);
        attention_forward(exec(), c.forward());
        attention_backward(exec(), c.backward());
        const Doubles dout = c.dout.values();
        const auto loss = [&](const Doubles& qkv) { return dot(dout, attention_reference(qkv, s, r).out); };
        std::vector<std::size_t> chosen;
        for (std::size_t i = 0; i < static_cast<std::size_t>(c.qkv.count()); i += 97) chosen.push_back(i);
        const Doubles want = numeric_gradient(loss, c.qkv.values(), chosen);
        Array found({static_cast<std::int64_t>(chosen.size())}, DType::f64);
        for (std::size_t i = 0; i < chosen.size(); ++i) {
          found.set(static_cast<std::int64_t>(i), c.dqkv[static_cast<std::int64_t>(chosen[i])]);
        }
        // In bf16 delta = dout . out comes from a rounded `out`: HS products, each off by half an eps of order 1.
        const double stored = dtype == DType::f32 ? 0.0 : epsilon_of(dtype) * std::sqrt(static_cast<double>(s.HS));
        const double error = (4.0 * rounding(s) / (1.0 - r.rate) + stored) * largest(dout);
        expect_close(found, want, epsilon_of(dtype), error);
      }
    }
  }
}

TEST_P(Attention, DocumentInAPackedWindowEqualsItAlone) {
  constexpr std::int64_t T = 150;
  for (const bool causal : {true, false}) {
    const Rules packed_rules{causal, 0, 3, 0.0F, 0};
    Case packed({1, T, 2, 16}, packed_rules, DType::f32);
    attention_forward(exec(), packed.forward());
    attention_backward(exec(), packed.backward());
    const auto [begin, end] = document_of(T - 1, T, 3);
    const std::int64_t length = end - begin;
    Case alone({1, length, 2, 16}, {causal, 0, 0, 0.0F, 0}, DType::f32);
    for (std::int64_t i = 0; i < alone.qkv.count(); ++i) alone.qkv.set(i, packed.qkv[begin * 96 + i]);
    for (std::int64_t i = 0; i < alone.dout.count(); ++i) alone.dout.set(i, packed.dout[begin * 32 + i]);
    attention_forward(exec(), alone.forward());
    attention_backward(exec(), alone.backward());
    // The same sums, in blocks that start elsewhere.
    const double error = rounding(alone.s) * largest(packed.dout.values());
    Doubles out;
    Doubles dqkv;
    for (std::int64_t i = 0; i < alone.out.count(); ++i) out.push_back(packed.out[begin * 32 + i]);
    for (std::int64_t i = 0; i < alone.dqkv.count(); ++i) dqkv.push_back(packed.dqkv[begin * 96 + i]);
    expect_close(alone.out, out, 0.0, error);
    expect_close(alone.dqkv, dqkv, 0.0, error);
  }
}

TEST_P(Attention, WhatIsInvisibleDoesNotMatter) {
  const Rules rules{true, 20, 2, 0.0F, 0};
  Case clean({1, 140, 1, 12}, rules, DType::f32);
  Case spoiled({1, 140, 1, 12}, rules, DType::f32);
  const auto [begin, end] = document_of(139, 140, 2);  // the last document; the first is spoiled
  for (std::int64_t i = 0; i < begin * 36; ++i) spoiled.qkv.set(i, 1.0e4);
  attention_forward(exec(), clean.forward());
  attention_forward(exec(), spoiled.forward());
  attention_backward(exec(), clean.backward());
  attention_backward(exec(), spoiled.backward());
  for (std::int64_t i = begin * 12; i < end * 12; ++i) ASSERT_EQ(clean.out[i], spoiled.out[i]);
  for (std::int64_t i = begin * 36; i < end * 36; ++i) ASSERT_EQ(clean.dqkv[i], spoiled.dqkv[i]);
}

TEST_P(Attention, QueriesThatSeeNothingGiveZero) {
  const Rules rules{true, 0, 2, 0.0F, 0};
  Case c({1, 70, 2, 16}, rules, DType::f32);
  for (const std::int64_t t : {0, 3, 69}) {  // an empty document
    c.document_begin.set(t, 7.0);
    c.document_end.set(t, 7.0);
  }
  attention_forward(exec(), c.forward());
  attention_backward(exec(), c.backward());
  for (const std::int64_t t : {0, 3, 69}) {
    for (std::int64_t i = 0; i < 32; ++i) EXPECT_EQ(c.out[t * 32 + i], 0.0);
    for (std::int64_t i = 0; i < 32; ++i) EXPECT_EQ(c.dqkv[t * 96 + i], 0.0);  // dq
    EXPECT_EQ(c.lse[t], -std::numeric_limits<double>::infinity());
  }
  for (const double v : c.dqkv.values()) EXPECT_TRUE(std::isfinite(v));
}

// Four queries that see little, between queries that see all: other keys must get from them what they get from queries
// without a gradient, whatever earlier blocks left in the scratch.
TEST_P(Attention, QueriesWithHolesBetweenThemGiveNothingToKeys) {
  constexpr std::int64_t T = 140;
  constexpr std::int64_t first = 8;
  const std::pair<std::int64_t, std::int64_t> seen_by_holes[] = {{0, 0}, {0, 1}, {63, 64}, {127, 128}};
  for (const auto& [begin, end] : seen_by_holes) {
    SCOPED_TRACE(::testing::Message() << "holes see " << begin << " to " << end);
    Case holes({1, T, 1, 16}, {false, 0, 1, 0.0F, 0}, DType::f32);
    Case plain({1, T, 1, 16}, {false, 0, 1, 0.0F, 0}, DType::f32);
    for (std::int64_t t = first; t < first + 4; ++t) {
      holes.document_begin.set(t, static_cast<double>(begin));
      holes.document_end.set(t, static_cast<double>(end));
      for (std::int64_t d = 0; d < 16; ++d) plain.dout.set(t * 16 + d, 0.0);
    }
    for (Case* c : {&holes, &plain}) {
      attention_forward(exec(), c->forward());
      attention_backward(exec(), c->backward());
    }
    const double allowed = rounding(plain.s) * largest(plain.dout.values());
    for (std::int64_t i = 0; i < plain.dqkv.count(); ++i) {
      const std::int64_t t = i / 48;
      const bool query = i % 48 < 16;
      if (query ? t >= first && t < first + 4 : t >= begin && t < end) continue;  // these differ rightly
      ASSERT_NEAR(holes.dqkv[i], plain.dqkv[i], allowed) << "token " << t << " element " << i % 48;
    }
  }
}

TEST_P(Attention, WildDocumentBoundsStayInsideTheSequence) {
  Case c({1, 67, 1, 8}, {false, 0, 1, 0.0F, 0}, DType::f32);
  Case plain({1, 67, 1, 8}, {false, 0, 0, 0.0F, 0}, DType::f32);
  for (std::int64_t t = 0; t < 67; ++t) {
    c.document_begin.set(t, -2.0e9);
    c.document_end.set(t, 2.0e9);
  }
  attention_forward(exec(), c.forward());
  attention_forward(exec(), plain.forward());
  EXPECT_TRUE(c.out.bytes() == plain.out.bytes());
}

TEST_P(Attention, LargeScoresDoNotOverflow) {
  Case c({1, 40, 1, 16}, {}, DType::f32);
  for (std::int64_t i = 0; i < c.qkv.count(); ++i) c.qkv.set(i, c.qkv[i] * 100.0);
  attention_forward(exec(), c.forward());
  attention_backward(exec(), c.backward());
  for (const double v : c.out.values()) EXPECT_TRUE(std::isfinite(v));
  for (const double v : c.dqkv.values()) EXPECT_TRUE(std::isfinite(v));
}

TEST_P(Attention, ShardOfHeadsDropsAsTheWhole) {
  Case whole({2, 40, 4, 8}, {true, 0, 0, 0.3F, 0}, DType::f32);
  attention_forward(exec(), whole.forward());
  Case shard({2, 40, 2, 8}, {true, 0, 0, 0.3F, 2}, DType::f32);
  const auto in_whole = [](std::int64_t row, std::int64_t i) { return row * 32 + 16 + i; };  // heads 2 and 3
  for (std::int64_t i = 0; i < shard.qkv.count(); ++i) shard.qkv.set(i, whole.qkv[in_whole(i / 16, i % 16)]);
  attention_forward(exec(), shard.forward());
  for (std::int64_t i = 0; i < shard.out.count(); ++i) ASSERT_EQ(shard.out[i], whole.out[in_whole(i / 16, i % 16)]);
}

TEST_P(Attention, BitsDoNotDependOnThreads) {
  for (const DType dtype : kTypes) {
    expect_same_bits_for_threads([&] {
      Case c({2, 100, 3, 24}, kRules[8], dtype);
      attention_forward(exec(), c.forward());
      attention_backward(exec(), c.backward());
      return bytes_of_all(c.out, c.lse, c.dqkv);
    });
  }
}

TEST_P(Attention, DecodingTokenByTokenEqualsTheWholeSequence) {
  for (const DType dtype : kTypes) {
    constexpr std::int64_t B = 2;
    constexpr std::int64_t T = 37;
    constexpr std::int64_t NH = 3;
    constexpr std::int64_t HS = 20;
    Case c({B, T, NH, HS}, {}, dtype);
    attention_forward(exec(), c.forward());
    Array k({B, NH, T + 3, HS}, dtype);
    Array v({B, NH, T + 3, HS}, dtype);
    Array token({B, 3, NH, HS}, dtype);
    Array out({B, NH, HS}, dtype);
    for (std::int64_t t = 0; t < T; ++t) {
      constexpr std::int64_t row = 3 * NH * HS;
      for (std::int64_t i = 0; i < B * row; ++i) token.set(i, c.qkv[(i / row * T + t) * row + i % row]);
      attention_decode(exec(), {out.tensor(), token.tensor(), k.tensor(), v.tensor(), static_cast<int>(t + 1)});
      Doubles want;
      for (std::int64_t i = 0; i < B * NH * HS; ++i) {
        want.push_back(c.out[(i / (NH * HS) * T + t) * NH * HS + i % (NH * HS)]);
      }
      expect_close(out, want, epsilon_of(dtype), rounding(c.s) + weight_rounding(c));
    }
  }
}

PHALANX_EACH_TABLE(Attention);

TEST(AttentionChecks, PlanningTakesWhatRunningTakes) {
  Case c({2, 150, 3, 40}, {}, DType::f32);
  const PlanningExec planning;
  attention_forward(planning.exec(), c.forward());
  const std::int64_t forward_bytes = planning.peak();
  attention_backward(planning.exec(), c.backward());
  const CpuExec forward(forward_bytes);
  const CpuExec both(planning.peak());
  attention_forward(forward.exec(), c.forward());
  attention_backward(both.exec(), c.backward());
  EXPECT_EQ(forward.workspace().peak(), forward_bytes);
  EXPECT_EQ(both.workspace().peak(), planning.peak());
}

TEST(AttentionChecks, MisuseThrows) {
  const CpuExec cpu;
  Case c({2, 10, 2, 8}, {}, DType::f32);
  Case other({2, 10, 2, 9}, {}, DType::f32);
  AttentionForward wrong_out = c.forward();
  wrong_out.out = other.out.tensor();
  EXPECT_THROW(attention_forward(cpu.exec(), wrong_out), Error);
  AttentionForward half_mask = c.forward();
  half_mask.mask.document_begin = c.document_begin.tensor();
  EXPECT_THROW(attention_forward(cpu.exec(), half_mask), Error);
  AttentionForward window = c.forward();
  window.mask.window = -1;
  EXPECT_THROW(attention_forward(cpu.exec(), window), Error);
  AttentionForward rate = c.forward();
  rate.dropout.rate = 0.5F;
  rate.dropout.sequences = {};
  EXPECT_THROW(attention_forward(cpu.exec(), rate), Error);
  AttentionBackward missing = c.backward();
  missing.lse = {};
  EXPECT_THROW(attention_backward(cpu.exec(), missing), Error);
  Case huge({1, 2, 1, 257}, {}, DType::f32);
  EXPECT_THROW(attention_forward(cpu.exec(), huge.forward()), Error);
}

TEST(AttentionChecks, DecodingRefusesALengthBeyondTheCache) {
  const CpuExec cpu;
  Array out({1, 1, 8});
  Array qkv({1, 3, 1, 8});
  Array cache({1, 1, 4, 8});
  EXPECT_THROW(attention_decode(cpu.exec(), {out.tensor(), qkv.tensor(), cache.tensor(), cache.tensor(), 5}), Error);
  EXPECT_THROW(attention_decode(cpu.exec(), {out.tensor(), qkv.tensor(), cache.tensor(), cache.tensor(), 0}), Error);
}

}  // namespace
}  // namespace phalanx::ops
