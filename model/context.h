// Context: what a layer needs to run beside its inputs. Passed down, never stored.
#pragma once

#include <cstdint>

#include "core/phase_clock.h"
#include "core/random.h"
#include "model/ops/exec.h"
#include "model/parameters.h"
#include "parallel/grad_reducer.h"
#include "parallel/tensor_region.h"

namespace phalanx {

class AttentionProbe;

struct Context {
  ops::Exec exec;
  Arena* activations = nullptr;
  const TensorRegion* tensor = nullptr;
  const Parameters* parameters = nullptr;
  GradReducer* reducer = nullptr;   // told of each gradient as it is complete; may be null
  PhaseClock* clock = nullptr;      // may be null
  AttentionProbe* probe = nullptr;  // is shown the attention of one sequence and one shard; null: nobody looks
  std::uint64_t seed = 0;
  bool training = false;                                 // dropout applies
  ops::Write matrix_gradients = ops::Write::accumulate;  // overwrite: after Parameters::clear_gradients
  Tensor sequences;                                      // (B) int64: ordinals of the micro-batch's sequences
  Tensor positions;  // (N) int32: of its tokens; only for networks with rotary positions

  [[nodiscard]] const TensorShards& shards() const { return tensor->shards(); }
  [[nodiscard]] DType dtype() const { return parameters->dtype(); }

  [[nodiscard]] Tensor take(const Shape& shape) const { return activations->take(shape, dtype()); }
  [[nodiscard]] Tensor take(const Shape& shape, DType dtype) const { return activations->take(shape, dtype); }

  // A copy on the stream of the ops; nothing while planning.
  void copy(const Tensor& to, const Tensor& from) const;

  // partials (shards.count, ...) -> their sum over all tensor shards; reuses the memory of partials.
  [[nodiscard]] Tensor sum_over_shards(const Tensor& partials) const;
  // Dropout of a place in the network; rate 0 outside training.
  [[nodiscard]] ops::Dropout dropout(double rate, Purpose purpose, int layer) const;
  // The gradient of parameter `spec` is complete in this backward.
  void ready(int spec) const;
  void enter(Phase phase) const {
    if (clock != nullptr) clock->enter(phase);
  }
};

}  // namespace phalanx
