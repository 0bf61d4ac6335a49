#include "trainer/optimizer/optimizer_state.h"

#include <algorithm>

#include "core/device.h"
#include "core/random.h"
#include "model/ops/flat.h"
#include "parallel/shard_index.h"

namespace phalanx {
namespace {

void fill_run(const ParamSpec& spec, int index, const GlobalRun& run, std::uint64_t seed, float* out) {
  switch (spec.init) {
    case Init::zeros: std::fill_n(out, run.count, 0.0F); return;
    case Init::ones: std::fill_n(out, run.count, 1.0F); return;
    case Init::normal:
      fill_normal({seed, Purpose::initial_values, static_cast<std::uint16_t>(index), 0},
                  static_cast<std::uint64_t>(run.global_begin), run.count, spec.init_std, out);
      return;
  }
}

}  // namespace

OptimizerState::OptimizerState(const ParamLayout& layout, const Parameters& parameters, int part, int tensor_rank,
                               bool training, Arena& arena)
    : layout_(layout),
      parameters_(parameters),
      pieces_(layout.owned_pieces(part, tensor_rank)),
      shared_(parameters.dtype() == DType::f32 && layout.parts() == 1) {
  const Shape own{layout.own_count()};
  master_ = shared_ ? parameters.flat_weights() : arena.take(own, DType::f32);
  if (!training) return;
  m_ = arena.take(own, DType::f32);
  v_ = arena.take(own, DType::f32);
}

void OptimizerState::fill_initial_values(std::uint64_t seed) const {
  std::vector<float> values;
  for (const OwnedPiece& piece : pieces_) {
    const ParamSpec& spec = layout_.table()[static_cast<std::size_t>(piece.spec)];
    const Tensor own = master_.slice(piece.own_offset, piece.count);
    const bool in_place = own.device.type == DeviceType::cpu;
    if (!in_place) values.resize(static_cast<std::size_t>(piece.count));
    float* out = in_place ? own.as<float>() : values.data();
    for (const GlobalRun& run : global_runs(spec, piece.shard, piece.shard_count, piece.begin, piece.count)) {
      float* to = out + (run.shard_begin - piece.begin);
      if (run.global_begin < 0) {
        std::fill_n(to, run.count, 0.0F);
      } else {
        fill_run(spec, piece.spec, run, seed, to);
      }
    }
    if (!in_place) copy(own, host_tensor(values.data(), {piece.count}), {});
  }
}

void OptimizerState::update(const ops::Exec& exec, const AdamwOptions& options, float learning_rate, float grad_scale,
                            std::int64_t t) const {
  for (const OwnedPiece& piece : pieces_) {
    const bool decays = layout_.table()[static_cast<std::size_t>(piece.spec)].decay;
    const Tensor weight = parameters_.flat_weights().slice(piece.flat_offset, piece.count);
    ops::adamw_update(exec, {.master = master_.slice(piece.own_offset, piece.count),
                             .m = m_.slice(piece.own_offset, piece.count),
                             .v = v_.slice(piece.own_offset, piece.count),
                             .grad = parameters_.flat_gradients().slice(piece.flat_offset, piece.count),
                             .weight = shared_ ? Tensor{} : weight,
                             .learning_rate = learning_rate,
                             .beta1 = options.beta1,
                             .beta2 = options.beta2,
                             .epsilon = options.epsilon,
                             .weight_decay = decays ? options.weight_decay : 0.0F,
                             .grad_scale = grad_scale,
                             .t = t});
  }
}

void OptimizerState::round_masters(const ops::Exec& exec) const {
  if (shared_) return;
  for (const OwnedPiece& piece : pieces_) {
    ops::cast(exec, parameters_.flat_weights().slice(piece.flat_offset, piece.count),
              master_.slice(piece.own_offset, piece.count));
  }
}

}  // namespace phalanx
