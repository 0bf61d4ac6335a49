// What the fused kernels of the GPU are given: views, offsets, runs of documents, lse by token. Plain loops that read
// the very buffers stand in for cuDNN; the plain kernels are what they must agree with.
#include <gtest/gtest.h>

#include <cstdlib>

#include "model/layers/document_list.h"
#include "tests/support/arrays.h"
#include "tests/support/attention_case.h"
#include "tests/support/cuda/fused_attention_emulated.h"
#include "tests/support/exec.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

// A case with its documents listed, as the network gives them.
struct FusedCase : AttentionCase {
  FusedCase(const AttentionSizes& sizes, const AttentionRules& rules, DType dtype = DType::bf16)
      : AttentionCase(sizes, rules, dtype), starts({1}, DType::i32), lengths({1}, DType::i32) {
    Batch batch;
    batch.resize(static_cast<int>(sizes.B), static_cast<int>(sizes.T));
    for (std::size_t i = 0; i < batch.document_begin.size(); ++i) {
      batch.document_begin[i] = static_cast<std::int32_t>(document_begin[static_cast<std::int64_t>(i)]);
      batch.document_end[i] = static_cast<std::int32_t>(document_end[static_cast<std::int64_t>(i)]);
    }
    const DocumentList list = list_documents(batch);
    whole = list.whole;
    starts = numbers(list.starts);
    lengths = numbers(list.lengths);
  }
  static Array numbers(const std::vector<std::int32_t>& values) {
    Array array({static_cast<std::int64_t>(values.size())}, DType::i32);
    for (std::size_t i = 0; i < values.size(); ++i) array.set(static_cast<std::int64_t>(i), values[i]);
    return array;
  }
  AttentionMask listed() {
    AttentionMask mask{r.causal, r.window, document_begin.tensor(), document_end.tensor(), {}};
    mask.runs.whole = whole;
    if (!whole) mask.runs = {false, starts.tensor(), lengths.tensor()};
    return mask;
  }
  AttentionForward forward() {
    AttentionForward a = AttentionCase::forward();
    a.mask = listed();
    return a;
  }
  AttentionBackward backward() {
    AttentionBackward a = AttentionCase::backward();
    a.mask = listed();
    return a;
  }

  bool whole = false;
  Array starts, lengths;
};

struct Result {
  Doubles out, lse, dqkv;
  int fused_runs = 0;
};

Result run(const Exec& exec, const AttentionSizes& s, const AttentionRules& r, DType dtype = DType::bf16) {
  FusedCase c(s, r, dtype);
  const int before = emulator::fused_attention_runs();
  attention_forward(exec, c.forward());
  attention_backward(exec, c.backward());
  return {c.out.values(), c.lse.values(), c.dqkv.values(), emulator::fused_attention_runs() - before};
}

class FusedAttention : public ::testing::Test {
 protected:
  CpuExec cpu_{std::int64_t{1} << 24, emulated_cuda_table()};
  const Exec& exec() const { return cpu_.exec(); }
};

constexpr AttentionSizes kSizes{3, 37, 2, 16};

TEST_F(FusedAttention, GivesWhatThePlainKernelsGive) {
  for (const AttentionRules& r : {AttentionRules{true}, AttentionRules{false}, AttentionRules{true, 5},
                                  AttentionRules{false, 9}, AttentionRules{true, 0, 3}, AttentionRules{false, 0, 5},
                                  AttentionRules{true, 4, 4}, AttentionRules{false, 3, 2}}) {
    SCOPED_TRACE(describe(kSizes, r, DType::bf16));
    const Result plain = run(exec(), kSizes, r);
    const emulator::FusedAttention cudnn(90);
    const Result fused = run(exec(), kSizes, r);
    EXPECT_EQ(plain.fused_runs, 0);
    const int documents = r.documents == 0 ? 1 : r.documents;
    EXPECT_EQ(fused.fused_runs, 2 * documents);  // forward and backward of a run for each document of a row
    // Both round the same sums to bf16: neighbours at most, and the gradients' delta comes from such outputs.
    const double eps = epsilon_of(DType::bf16);
    const auto agree = [&](const Doubles& a, const Doubles& b, double error) {
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], error + eps * std::abs(b[i])) << "at " << i;
    };
    agree(fused.out, plain.out, rounding(kSizes));
    agree(fused.lse, plain.lse, rounding(kSizes));
    agree(fused.dqkv, plain.dqkv, 4.0 * rounding(kSizes) + eps * std::sqrt(static_cast<double>(kSizes.HS)));
  }
}

TEST_F(FusedAttention, ForwardMayBeFusedWhereBackwardIsPlain) {
  const AttentionRules packed{true, 0, 3};
  const emulator::FusedAttention cudnn(80);
  EXPECT_EQ(run(exec(), kSizes, packed).fused_runs, 3);
  Exec free = exec();
  free.deterministic = false;
  EXPECT_EQ(run(free, kSizes, packed).fused_runs, 6);
}

TEST_F(FusedAttention, Fp32RunsPlain) {
  const emulator::FusedAttention cudnn(90);
  EXPECT_EQ(run(exec(), kSizes, {true}, DType::f32).fused_runs, 0);
}

TEST_F(FusedAttention, AskingForCudnnWhereThereIsNoneIsAnError) {
  ASSERT_EQ(setenv("PHALANX_ATTENTION", "cudnn", 1), 0);
  EXPECT_THROW(run(exec(), kSizes, {true}), UsageError);
  ASSERT_EQ(unsetenv("PHALANX_ATTENTION"), 0);
}

// The planned workspace is enough for whatever the documents turn out to be; a byte less is not.
TEST_F(FusedAttention, PlanningHasRoomForPackedDocuments) {
  const emulator::FusedAttention cudnn(90);
  for (const bool deterministic : {true, false}) {
    Arena planned("workspace", Device{DeviceType::cuda, 0});
    Exec planning{Device{DeviceType::cuda, 0}, {}, &planned, nullptr, deterministic};
    FusedCase c(kSizes, {true, 0, 3});
    const auto on_gpu = [](Tensor t) {
      t.device = Device{DeviceType::cuda, 0};
      return t;
    };
    AttentionBackward a = c.backward();
    for (Tensor* t : {&a.dqkv, &a.dout, &a.qkv, &a.out, &a.lse, &a.mask.document_begin, &a.mask.document_end,
                      &a.dropout.sequences}) {
      *t = on_gpu(*t);
    }
    a.mask.runs = {};
    attention_backward(planning, a);
    const CpuExec enough(planned.peak(), emulated_cuda_table());
    Exec exec = enough.exec();
    exec.deterministic = deterministic;
    attention_forward(exec, c.forward());
    attention_backward(exec, c.backward());
    EXPECT_EQ(enough.workspace().peak(), planned.peak());
  }
}

TEST_F(FusedAttention, RunsOfTheWrongSizeAreRefused) {
  FusedCase c(kSizes, {true, 0, 3});
  AttentionForward a = c.forward();
  a.mask.runs.lengths = a.mask.runs.lengths.slice(0, a.mask.runs.lengths.count() - 1);
  EXPECT_THROW(attention_forward(exec(), a), Error);
  a = c.forward();
  a.mask.runs.starts = {};
  EXPECT_THROW(attention_forward(exec(), a), Error);
}

}  // namespace
}  // namespace phalanx::ops
