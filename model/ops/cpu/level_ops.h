// The CPU functions behind the op table, declared for the level that this file is compiled for (PHALANX_CPU_LEVEL is
// cpu_v3, cpu_v4 or cpu_v4_bf16). One function per op, arguments already checked.
#pragma once

#include "model/ops/op_table.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

void layernorm_forward(const Exec& exec, const LayernormForward& a);
void residual_layernorm_forward(const Exec& exec, const ResidualLayernormForward& a);
void layernorm_backward(const Exec& exec, const LayernormBackward& a);
void residual_layernorm_backward(const Exec& exec, const ResidualLayernormBackward& a);
void gelu_forward(const Exec& exec, const GeluForward& a);
void gelu_backward(const Exec& exec, const GeluBackward& a);
void attention_forward(const Exec& exec, const AttentionForward& a);
void attention_backward(const Exec& exec, const AttentionBackward& a);
void attention_decode(const Exec& exec, const AttentionDecode& a);
void attention_fill_cache(const Exec& exec, const AttentionFillCache& a);
void embedding_forward(const Exec& exec, const EmbeddingForward& a);
void embedding_backward(const Exec& exec, const EmbeddingBackward& a);
void gather_rows(const Exec& exec, const GatherRows& a);
void scatter_rows(const Exec& exec, const ScatterRows& a);
void tanh_forward(const Exec& exec, const TanhForward& a);
void tanh_backward(const Exec& exec, const TanhBackward& a);
void geglu_forward(const Exec& exec, const GegluForward& a);
void geglu_backward(const Exec& exec, const GegluBackward& a);
void rope(const Exec& exec, const Rope& a);
void dropout_apply(const Exec& exec, const DropoutApply& a);
void cross_entropy_stats(const Exec& exec, const CrossEntropyStats& a);
void cross_entropy_combine(const Exec& exec, const CrossEntropyCombine& a);
void cross_entropy_backward(const Exec& exec, const CrossEntropyBackward& a);
void column_sums(const Exec& exec, const Tensor& sums, const Tensor& x);
void cast_block(const Exec& exec, const CastBlock& a);
void pack_tiles(const Exec& exec, const PackTiles& a);
void weight_product(const Exec& exec, const WeightProduct& a);
void cast(const Exec& exec, const Tensor& out, const Tensor& in);
void add(const Exec& exec, const Tensor& y, const Tensor& x);
void sum_of_squares(const Exec& exec, const Tensor& out, const Tensor& x, const Tensor& partial);
void adamw_update(const Exec& exec, const AdamwUpdate& a);
void lamb_direction(const Exec& exec, const LambDirection& a);
void lamb_apply(const Exec& exec, const LambApply& a);
void largest_magnitude(const Exec& exec, const Tensor& out, const Tensor& x);
void digest(const Exec& exec, const Tensor& out, const Tensor& x, const DigestIndex& index);
void exact_sum_of_squares(const Exec& exec, const Tensor& out, const Tensor& x, int exponent);

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL
