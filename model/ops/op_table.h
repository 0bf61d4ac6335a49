// OpTable: one function per op, arguments already checked. A backend fills one; the CPU fills one for every instruction
// set it is compiled for (cpu_v3: AVX2, cpu_v4: AVX-512; cpu_v4_bf16: products by dot products of bf16).
#pragma once

#include <vector>

#include "model/ops/attention.h"
#include "model/ops/cpu/linear_helpers.h"
#include "model/ops/cpu/tiled_matrix.h"
#include "model/ops/cpu/weight_product.h"
#include "model/ops/cross_entropy.h"
#include "model/ops/digest.h"
#include "model/ops/dropout.h"
#include "model/ops/embedding.h"
#include "model/ops/exec.h"
#include "model/ops/flat.h"
#include "model/ops/gather_rows.h"
#include "model/ops/geglu.h"
#include "model/ops/gelu.h"
#include "model/ops/lamb.h"
#include "model/ops/layernorm.h"
#include "model/ops/linear.h"
#include "model/ops/rope.h"
#include "model/ops/tanh.h"

namespace phalanx::ops {

struct OpTable {
  const char* name;    // "cpu_v4"
  int attention_step;  // elements of bf16 that attention multiplies at once (CPU only)

  void (*layernorm_forward)(const Exec&, const LayernormForward&);
  void (*residual_layernorm_forward)(const Exec&, const ResidualLayernormForward&);
  void (*layernorm_backward)(const Exec&, const LayernormBackward&);
  void (*residual_layernorm_backward)(const Exec&, const ResidualLayernormBackward&);
  void (*gelu_forward)(const Exec&, const GeluForward&);
  void (*gelu_backward)(const Exec&, const GeluBackward&);
  void (*attention_forward)(const Exec&, const AttentionForward&);
  void (*attention_backward)(const Exec&, const AttentionBackward&);
  void (*attention_decode)(const Exec&, const AttentionDecode&);
  void (*attention_fill_cache)(const Exec&, const AttentionFillCache&);
  void (*embedding_forward)(const Exec&, const EmbeddingForward&);
  void (*embedding_backward)(const Exec&, const EmbeddingBackward&);
  void (*gather_rows)(const Exec&, const GatherRows&);
  void (*scatter_rows)(const Exec&, const ScatterRows&);
  void (*tanh_forward)(const Exec&, const TanhForward&);
  void (*tanh_backward)(const Exec&, const TanhBackward&);
  void (*geglu_forward)(const Exec&, const GegluForward&);
  void (*geglu_backward)(const Exec&, const GegluBackward&);
  void (*rope)(const Exec&, const Rope&);
  void (*dropout_apply)(const Exec&, const DropoutApply&);
  void (*cross_entropy_stats)(const Exec&, const CrossEntropyStats&);
  void (*cross_entropy_combine)(const Exec&, const CrossEntropyCombine&);
  void (*cross_entropy_backward)(const Exec&, const CrossEntropyBackward&);

  void (*pack_weight)(const Exec&, const LinearWeight&);
  void (*linear_forward)(const Exec&, const LinearForward&);
  void (*linear_backward_input)(const Exec&, const LinearBackwardInput&);
  void (*linear_backward_weight)(const Exec&, const LinearBackwardWeight&);
  void (*column_sums)(const Exec&, const Tensor& sums, const Tensor& x);  // sums (C) fp32 += rows of x (N, C); CPU only
  void (*cast_block)(const Exec&, const CastBlock&);                      // CPU only
  void (*pack_tiles)(const Exec&, const PackTiles&);                      // CPU only
  void (*weight_product)(const Exec&, const WeightProduct&);              // CPU only
  void (*cast)(const Exec&, const Tensor& out, const Tensor& in);
  void (*add)(const Exec&, const Tensor& y, const Tensor& x);
  void (*sum_of_squares)(const Exec&, const Tensor& out, const Tensor& x, const Tensor& partial);
  void (*adamw_update)(const Exec&, const AdamwUpdate&);
  void (*lamb_direction)(const Exec&, const LambDirection&);
  void (*lamb_apply)(const Exec&, const LambApply&);
  void (*largest_magnitude)(const Exec&, const Tensor& out, const Tensor& x);
  void (*digest)(const Exec&, const Tensor& out, const Tensor& x, const DigestIndex&);
  void (*exact_sum_of_squares)(const Exec&, const Tensor& out, const Tensor& x, int exponent);
};

// The best CPU table for this processor's features (never chosen by timing); throws below AVX2 + FMA. The environment
// variable PHALANX_CPU_LEVEL=v3|v4|v4_bf16 asks for a level; one that the processor lacks throws UsageError.
const OpTable& cpu_op_table();
// The table of a device; throws UsageError when there is none to be used.
const OpTable& op_table(Device device);
// Every CPU table that this processor can run, the best last: tests run them all.
std::vector<const OpTable*> usable_cpu_op_tables();

}  // namespace phalanx::ops
