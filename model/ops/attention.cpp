// Checks and dispatch of attention.
#include "model/ops/attention.h"

#include <omp.h>

#include "model/ops/attention_choice.h"
#include "model/ops/attention_scratch.h"
#include "model/ops/fused_scratch.h"
#include "model/ops/op_table.h"
#include "model/ops/require.h"
#include "model/ops/require_dropout.h"

namespace phalanx::ops {
namespace {

bool on_cpu(const Exec& exec) { return exec.device.type == DeviceType::cpu; }

constexpr std::int64_t kMaxHeadSize = 256;

void check_head_size(std::string_view op, std::int64_t HS) {
  ENSURE(HS >= 1 && HS <= kMaxHeadSize, op, ": head size is ", HS, ", expected 1 to ", kMaxHeadSize,
         " (model.hidden / model.heads)");
}

void check_runs(const Exec& exec, std::string_view op, const DocumentRuns& runs, std::int64_t B) {
  ENSURE(runs.starts.defined() == runs.lengths.defined(), op,
         ": mask.runs.starts and mask.runs.lengths must be defined together");
  if (!runs.lengths.defined()) return;
  require_dims(op, "mask.runs.lengths", runs.lengths, 1);
  const std::int64_t n = runs.lengths.size(0);
  ENSURE(B > 0 && n % B == 0, op, ": mask.runs.lengths has ", n, " documents, expected a multiple of ", B);
  require(exec, op, "mask.runs.lengths", runs.lengths, {n}, DType::i32);
  require(exec, op, "mask.runs.starts", runs.starts, {n + 1}, DType::i32);
}

// Shapes that forward and backward share; qkv (B, T, 3, NH, HS) leads.
void check_shared(const Exec& exec, std::string_view op, const Tensor& qkv, const Tensor& out, const Tensor& lse,
                  const AttentionMask& mask, const Dropout& dropout, int first_head) {
  require_dims(op, "qkv", qkv, 5);
  require_compute_dtype(exec, op, "qkv", qkv.dtype);
  const std::int64_t B = qkv.size(0);
  const std::int64_t T = qkv.size(1);
  const std::int64_t NH = qkv.size(3);
  const std::int64_t HS = qkv.size(4);
  check_head_size(op, HS);
  require(exec, op, "qkv", qkv, {B, T, 3, NH, HS}, qkv.dtype);
  require(exec, op, "out", out, {B, T, NH, HS}, qkv.dtype);
  require(exec, op, "lse", lse, {B, NH, T}, DType::f32);
  ENSURE(mask.window >= 0, op, ": mask.window is ", mask.window, ", expected >= 0");
  ENSURE(mask.document_begin.defined() == mask.document_end.defined(), op,
         ": mask.document_begin and mask.document_end must be defined together");
  require_if_defined(exec, op, "mask.document_begin", mask.document_begin, {B, T}, DType::i32);
  require_if_defined(exec, op, "mask.document_end", mask.document_end, {B, T}, DType::i32);
  check_runs(exec, op, mask.runs, B);
  require_dropout(exec, op, dropout, B);
  ENSURE(dropout.rate == 0.0F || dropout.sequences.size(0) == B, op, ": dropout.sequences is ",
         to_string(dropout.sequences.shape), ", expected (", B, ")");
  ENSURE(first_head >= 0, op, ": first_head is ", first_head, ", expected >= 0");
}

void check_caches(const Exec& exec, std::string_view op, const Tensor& k_cache, const Tensor& v_cache,
                  const Shape& shape, DType dtype) {
  require(exec, op, "k_cache", k_cache, shape, dtype);
  require(exec, op, "v_cache", v_cache, shape, dtype);
}

// Of a thread on the CPU.
template <class Buffers>
void plan_threads(const Exec& exec, const Tensor& qkv) {
  const int step = qkv.dtype == DType::bf16 ? cpu_op_table().attention_step : 1;
  Scratch scratch(*exec.workspace);
  take_attention_scratch<Buffers>(scratch, omp_get_max_threads(), HeadSizes(qkv.size(1), qkv.size(4), step));
}

// On a GPU: room for whichever implementation will run. Documents that are known when it runs may be packed then.
void plan_gpu(const Exec& exec, const Tensor& qkv, const AttentionMask& mask, const Dropout& dropout, bool backward) {
  AttentionQuestion q = question_of(exec, qkv, mask, dropout, backward);
  q.documents = DocumentKind::whole;  // one of the kinds that are fused
  if (!choose_attention(q).fused) return;
  cudnn::AttentionKey key = fused_key(qkv, mask, {.backward = backward, .deterministic = exec.deterministic});
  key.packed = mask.document_begin.defined();
  Scratch scratch(*exec.workspace);
  take_fused_scratch(scratch, key);
}

}  // namespace

void attention_forward(const Exec& exec, const AttentionForward& a) {
  check_shared(exec, "attention_forward", a.qkv, a.out, a.lse, a.mask, a.dropout, a.first_head);
  if (!exec.planning()) return exec.table->attention_forward(exec, a);
  if (on_cpu(exec)) return plan_threads<AttentionForwardBuffers>(exec, a.qkv);
  plan_gpu(exec, a.qkv, a.mask, a.dropout, false);
}

void attention_backward(const Exec& exec, const AttentionBackward& a) {
  constexpr std::string_view op = "attention_backward";
  check_shared(exec, op, a.qkv, a.out, a.lse, a.mask, a.dropout, a.first_head);
  require(exec, op, "dqkv", a.dqkv, a.qkv.shape, a.qkv.dtype);
  require(exec, op, "dout", a.dout, a.out.shape, a.qkv.dtype);
  if (!exec.planning()) return exec.table->attention_backward(exec, a);
  if (on_cpu(exec)) return plan_threads<AttentionBackwardBuffers>(exec, a.qkv);
  plan_gpu(exec, a.qkv, a.mask, a.dropout, true);
  Scratch scratch(*exec.workspace);
  take_attention_deltas(scratch, a.lse);
}

void attention_decode(const Exec& exec, const AttentionDecode& a) {
  constexpr std::string_view op = "attention_decode";
  require_dims(op, "qkv", a.qkv, 4);
  require_dims(op, "k_cache", a.k_cache, 4);
  require_compute_dtype(exec, op, "qkv", a.qkv.dtype);
  const std::int64_t B = a.qkv.size(0);
  const std::int64_t NH = a.qkv.size(2);
  const std::int64_t HS = a.qkv.size(3);
  const std::int64_t T_max = a.k_cache.size(2);
  check_head_size(op, HS);
  require(exec, op, "qkv", a.qkv, {B, 3, NH, HS}, a.qkv.dtype);
  require(exec, op, "out", a.out, {B, NH, HS}, a.qkv.dtype);
  check_caches(exec, op, a.k_cache, a.v_cache, {B, NH, T_max, HS}, a.qkv.dtype);
  ENSURE(a.length >= 1 && a.length <= T_max, op, ": length is ", a.length, ", expected 1 to the ", T_max,
         " positions of the cache");
  if (!exec.planning()) return exec.table->attention_decode(exec, a);
  Scratch scratch(*exec.workspace);
  if (on_cpu(exec)) take_decode_scores(scratch, omp_get_max_threads(), T_max);
}

void attention_fill_cache(const Exec& exec, const AttentionFillCache& a) {
  constexpr std::string_view op = "attention_fill_cache";
  require_dims(op, "qkv", a.qkv, 5);
  require_dims(op, "k_cache", a.k_cache, 4);
  require_compute_dtype(exec, op, "qkv", a.qkv.dtype);
  const std::int64_t B = a.qkv.size(0);
  const std::int64_t T = a.qkv.size(1);
  const std::int64_t NH = a.qkv.size(3);
  const std::int64_t HS = a.qkv.size(4);
  const std::int64_t T_max = a.k_cache.size(2);
  require(exec, op, "qkv", a.qkv, {B, T, 3, NH, HS}, a.qkv.dtype);
  check_caches(exec, op, a.k_cache, a.v_cache, {B, NH, T_max, HS}, a.qkv.dtype);
  ENSURE(T <= T_max, op, ": ", T, " positions do not fit the ", T_max, " of the cache");
  if (!exec.planning()) exec.table->attention_fill_cache(exec, a);
}

}  // namespace phalanx::ops
