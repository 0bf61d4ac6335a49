#include "model/ops/attention_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace phalanx::ops {
namespace {

using ::testing::HasSubstr;

constexpr AttentionQuestion kUsual{.HS = 64};

TEST(AttentionChoice, FusedRunsOnEveryTensorCoreGpuInSixteenBits) {
  for (const int capability : {80, 86, 89, 90, 100}) {
    for (const DType dtype : {DType::bf16, DType::f16}) {
      for (const bool backward : {false, true}) {
        AttentionQuestion q = kUsual;
        q.capability = capability;
        q.dtype = dtype;
        q.backward = backward;
        const AttentionChoice choice = choose_attention(q);
        EXPECT_TRUE(choice.fused) << choice.why;
        EXPECT_EQ(choice.why, "");
      }
    }
  }
}

TEST(AttentionChoice, PlainRunsWhereFusedCannotAndSaysWhy) {
  const auto plain = [](auto&& change) {
    AttentionQuestion q = kUsual;
    change(q);
    const AttentionChoice choice = choose_attention(q);
    EXPECT_FALSE(choice.fused);
    return choice.why;
  };
  EXPECT_THAT(plain([](auto& q) { q.dtype = DType::f32; }), HasSubstr("fp32"));
  EXPECT_THAT(plain([](auto& q) { q.HS = 68; }), HasSubstr("model.hidden / model.heads"));
  EXPECT_THAT(plain([](auto& q) { q.HS = 136; }), HasSubstr("136"));
  EXPECT_THAT(plain([](auto& q) { q.dropout = 0.1F; }), HasSubstr("model.attention_dropout"));
  EXPECT_THAT(plain([](auto& q) { q.documents = DocumentKind::unknown; }), HasSubstr("arbitrary"));
  EXPECT_THAT(plain([](auto& q) { q.missing = "no file"; }), HasSubstr("no file"));
  EXPECT_THAT(plain([](auto& q) { q.capability = 75; }), HasSubstr("7.5"));
  EXPECT_THAT(plain([](auto& q) { q.use = AttentionUse::plain; }), HasSubstr("PHALANX_ATTENTION"));
}

TEST(AttentionChoice, OnlyTheDeterministicBackwardOfPackedDocumentsNeedsHopper) {
  for (const int capability : {80, 90}) {
    for (const bool backward : {false, true}) {
      for (const bool deterministic : {false, true}) {
        AttentionQuestion q = kUsual;
        q.documents = DocumentKind::packed;
        q.capability = capability;
        q.backward = backward;
        q.deterministic = deterministic;
        const bool refused = backward && deterministic && capability == 80;
        EXPECT_EQ(choose_attention(q).fused, !refused);
        if (refused) {
          EXPECT_THAT(choose_attention(q).why, HasSubstr("run.reproducible: none"));
        }
      }
    }
  }
}

TEST(AttentionChoice, AskingForCudnnIsAnErrorWhereItCannotRun) {
  AttentionQuestion q = kUsual;
  q.use = AttentionUse::fused;
  EXPECT_TRUE(require_choice(q).fused);
  q.dropout = 0.1F;
  EXPECT_THROW(require_choice(q), UsageError);
  q.use = AttentionUse::automatic;
  EXPECT_FALSE(require_choice(q).fused);
}

TEST(AttentionChoice, NamesOfUsesAreThree) {
  EXPECT_EQ(attention_use_from(""), AttentionUse::automatic);
  EXPECT_EQ(attention_use_from("auto"), AttentionUse::automatic);
  EXPECT_EQ(attention_use_from("plain"), AttentionUse::plain);
  EXPECT_EQ(attention_use_from("cudnn"), AttentionUse::fused);
  EXPECT_THROW(attention_use_from("flash"), UsageError);
}

}  // namespace
}  // namespace phalanx::ops
