// Checks and dispatch of the cross entropy.
#include "model/ops/cross_entropy.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {
namespace {

// Shared by both passes over the logits.
void check_logits(const Exec& exec, std::string_view op, const Tensor& logits, const Tensor& targets,
                  std::int64_t vocabulary_begin, std::int64_t valid) {
  require_dims(op, "logits", logits, 2);
  require_compute_dtype(exec, op, "logits", logits.dtype);
  require(exec, op, "logits", logits, logits.shape, logits.dtype);
  require(exec, op, "targets", targets, {logits.size(0)}, DType::i32);
  ENSURE(vocabulary_begin >= 0, op, ": vocabulary_begin is ", vocabulary_begin, ", expected >= 0");
  ENSURE(valid >= 0 && valid <= logits.size(1), op, ": valid is ", valid, ", expected 0 to the ", logits.size(1),
         " columns of logits");
}

}  // namespace

void cross_entropy_stats(const Exec& exec, const CrossEntropyStats& a) {
  constexpr std::string_view op = "cross_entropy_stats";
  check_logits(exec, op, a.logits, a.targets, a.vocabulary_begin, a.valid);
  require(exec, op, "stats", a.stats, {a.logits.size(0), 3}, DType::f32);
  if (!exec.planning()) exec.table->cross_entropy_stats(exec, a);
}

void cross_entropy_combine(const Exec& exec, const CrossEntropyCombine& a) {
  constexpr std::string_view op = "cross_entropy_combine";
  require_dims(op, "stats", a.stats, 3);
  const std::int64_t S = a.stats.size(0);
  const std::int64_t N = a.stats.size(1);
  ENSURE(S > 0, op, ": stats is ", to_string(a.stats.shape), ", expected at least one part");
  require(exec, op, "stats", a.stats, {S, N, 3}, DType::f32);
  require(exec, op, "lse", a.lse, {N}, DType::f32);
  require(exec, op, "losses", a.losses, {N}, DType::f32);
  require(exec, op, "loss_sum", a.loss_sum, {1}, DType::f64);
  require_if_defined(exec, op, "correct", a.correct, {1}, DType::f64);
  require(exec, op, "targets", a.targets, {N}, DType::i32);
  if (!exec.planning()) exec.table->cross_entropy_combine(exec, a);
}

void cross_entropy_backward(const Exec& exec, const CrossEntropyBackward& a) {
  constexpr std::string_view op = "cross_entropy_backward";
  check_logits(exec, op, a.logits, a.targets, a.vocabulary_begin, a.valid);
  require(exec, op, "lse", a.lse, {a.logits.size(0)}, DType::f32);
  if (!exec.planning()) exec.table->cross_entropy_backward(exec, a);
}

}  // namespace phalanx::ops
