// Fused attention on the packed qkv buffer: what cuDNN's kernels are given.
//
// Documents of whole sequences are one run. Packed documents are runs of B documents each, as cuDNN's ragged tensors:
// so one plan and one workspace serve any number of documents. Its kernels then keep lse by token; the op's is by head.
//
// Data sheet of the own kernels here: bytes of HBM per run 12 per document (offsets), per call 8 per query and head
// (lse one way); a thread each, no sums. cuDNN: forward 4 B NH T² HS multiplications and additions, backward 10, halved
// when causal, on tensor cores; scores and sums in fp32, probabilities rounded to the compute dtype for products. The
// deterministic backward stores gradients of scores: 2 B NH T² bytes of workspace (model/ops/fused_scratch.h).
#include "model/ops/cuda/attention_ways.h"
#include "model/ops/cuda/fused_attention.h"
#include "model/ops/cuda/launch.cuh"
#include "model/ops/fused_scratch.h"

namespace phalanx::ops::cuda {
namespace {

// Documents [0, B) from `starts` (B + 1), tokens, to elements in three kinds of rows.
__global__ void offsets_of_documents(std::int64_t* offsets, const std::int32_t* starts, std::int64_t B, std::int64_t NH,
                                     std::int64_t HS) {
  const std::int64_t i = thread_index();
  if (i > B) return;
  const std::int64_t token = starts[i];
  offsets[i] = token * 3 * NH * HS;
  offsets[(B + 1) + i] = token * NH * HS;
  offsets[2 * (B + 1) + i] = token * NH;
}

// (B, NH, T) and (B, T, NH), either way.
__global__ void heads_of_tokens(float* by_head, const float* by_token, std::int64_t NH, std::int64_t T,
                                std::int64_t count) {
  const std::int64_t i = thread_index();  // (b, h, t)
  if (i >= count) return;
  by_head[i] = by_token[(i / T / NH * T + i % T) * NH + i / T % NH];
}
__global__ void tokens_of_heads(float* by_token, const float* by_head, std::int64_t NH, std::int64_t T,
                                std::int64_t count) {
  const std::int64_t i = thread_index();  // (b, t, h)
  if (i >= count) return;
  by_token[i] = by_head[(i / NH / T * NH + i % NH) * T + i / NH % T];
}

cudnn::AttentionKey key_of(const Exec& exec, const Tensor& qkv, const AttentionMask& mask, bool backward) {
  return fused_key(qkv, mask, {.backward = backward, .deterministic = exec.deterministic});
}

// q, k and v of packed qkv, or their gradients.
void add_views(cudnn::AttentionMemory& memory, const Tensor& qkv, std::int64_t first_name) {
  const std::int64_t bytes = qkv.size(3) * qkv.size(4) * bytes_of(qkv.dtype);
  for (int i = 0; i < 3; ++i) memory.emplace_back(first_name + i, qkv.data + i * bytes);
}

// Runs the key once, or once for each B documents.
void run(const Exec& exec, const cudnn::AttentionKey& key, cudnn::AttentionMemory memory, const FusedScratch& scratch,
         const AttentionMask& mask) {
  const std::int64_t bytes = scratch.plan.count();
  if (!key.packed) return run_fused_attention(exec, key, memory, scratch.plan.data, bytes);
  memory.emplace_back(cudnn::kQkvOffsets, scratch.offsets[0].data);
  memory.emplace_back(cudnn::kOutOffsets, scratch.offsets[1].data);
  memory.emplace_back(cudnn::kLseOffsets, scratch.offsets[2].data);
  for (std::int64_t first = 0; first < mask.runs.lengths.count(); first += key.B) {
    launch(offsets_of_documents, {divide_up(key.B + 1, 256)}, exec.stream, scratch.offsets.as<std::int64_t>(),
           mask.runs.starts.as<std::int32_t>() + first, key.B, key.NH, key.HS);
    cudnn::AttentionMemory documents = memory;
    documents.emplace_back(cudnn::kLengths, mask.runs.lengths.as<std::int32_t>() + first);
    run_fused_attention(exec, key, documents, scratch.plan.data, bytes);
  }
}

}  // namespace

void attention_forward_fused(const Exec& exec, const AttentionForward& a) {
  const cudnn::AttentionKey key = key_of(exec, a.qkv, a.mask, false);
  Scratch arena(*exec.workspace);
  const FusedScratch scratch = take_fused_scratch(arena, key);
  cudnn::AttentionMemory memory;
  add_views(memory, a.qkv, cudnn::kQ);
  memory.emplace_back(cudnn::kOut, a.out.data);
  memory.emplace_back(cudnn::kLse, key.packed ? scratch.lse.data : a.lse.data);
  run(exec, key, memory, scratch, a.mask);
  if (!key.packed) return;
  const std::int64_t count = a.lse.count();
  launch(heads_of_tokens, {divide_up(count, 256)}, exec.stream, a.lse.as<float>(), scratch.lse.as<float>(), key.NH,
         key.T, count);
}

void attention_backward_fused(const Exec& exec, const AttentionBackward& a) {
  const cudnn::AttentionKey key = key_of(exec, a.qkv, a.mask, true);
  Scratch arena(*exec.workspace);
  const FusedScratch scratch = take_fused_scratch(arena, key);
  cudnn::AttentionMemory memory;
  add_views(memory, a.qkv, cudnn::kQ);
  add_views(memory, a.dqkv, cudnn::kDq);
  memory.emplace_back(cudnn::kOut, a.out.data);
  memory.emplace_back(cudnn::kDout, a.dout.data);
  memory.emplace_back(cudnn::kLse, key.packed ? scratch.lse.data : a.lse.data);
  memory.emplace_back(cudnn::kRowSums, scratch.row_sums.data);
  if (!key.deterministic) memory.emplace_back(cudnn::kDqSums, scratch.dq_sums.data);
  if (key.packed) {
    const std::int64_t count = a.lse.count();
    launch(tokens_of_heads, {divide_up(count, 256)}, exec.stream, scratch.lse.as<float>(), a.lse.as<float>(), key.NH,
           key.T, count);
  }
  run(exec, key, memory, scratch, a.mask);
}

}  // namespace phalanx::ops::cuda
