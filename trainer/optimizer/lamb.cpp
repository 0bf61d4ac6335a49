#include "trainer/optimizer/lamb.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/device.h"
#include "model/ops/exact_sum.h"
#include "model/ops/lamb.h"

namespace phalanx {
namespace {

constexpr std::size_t kNorms = 2;  // of a tensor: |w|, |u|
constexpr auto kLimbs = static_cast<std::size_t>(ops::kSquareLimbs);

// How many matrices a parameter holds, one after the other.
std::int64_t matrices_in(const ParamSpec& spec) { return spec.split == Split::heads ? spec.shape[0] : 1; }

// The least e with |x| < 2^e for all x whose largest magnitude has these bits.
int exponent_of(std::int64_t bits) {
  return bits == 0 ? 0 : std::ilogb(std::bit_cast<float>(static_cast<std::int32_t>(bits))) + 1;
}

Tensor as_tensor(std::vector<std::int64_t>& values) {
  return host_tensor(values.data(), {static_cast<std::int64_t>(values.size())});
}

}  // namespace

Lamb::Lamb(const ParamLayout& layout, const Parameters& parameters, const OptimizerState& state, bool counts,
           Arena& arena)
    : parameters_(parameters), state_(state) {
  std::vector<std::size_t> first_tensor;
  for (const ParamSpec& spec : layout.table()) {
    first_tensor.push_back(tensors_);
    if (spec.decay) tensors_ += static_cast<std::size_t>(matrices_in(spec));
  }
  for (const OwnedPiece& piece : state.pieces()) {
    add_stretches(piece, layout, first_tensor[static_cast<std::size_t>(piece.spec)], counts && piece.primary);
  }
  for (const Stretch& s : stretches_) {
    if (s.decays && s.counts) summed_.push_back(s);
  }
  scratch_ =
      arena.take({static_cast<std::int64_t>(std::max<std::size_t>(1, summed_.size()) * kNorms * kLimbs)}, DType::i64);
}

void Lamb::add_stretches(const OwnedPiece& piece, const ParamLayout& layout, std::size_t first_tensor, bool counts) {
  const ParamSpec& spec = layout.table()[static_cast<std::size_t>(piece.spec)];
  const std::int64_t matrix = layout.param(piece.spec).shard.count() / matrices_in(spec);
  const std::int64_t piece_end = piece.begin + piece.count;
  for (std::int64_t begin = piece.begin; begin < piece_end;) {
    const std::int64_t end = std::min((begin / matrix + 1) * matrix, piece_end);
    stretches_.push_back({.flat_offset = piece.flat_offset + begin - piece.begin,
                          .own_offset = piece.own_offset + begin - piece.begin,
                          .count = end - begin,
                          .decays = spec.decay,
                          .counts = counts,
                          .tensor = first_tensor + static_cast<std::size_t>(begin / matrix)});
    begin = end;
  }
}

void Lamb::update(const ops::Exec& exec, const AdamwOptions& options, double learning_rate, float grad_scale,
                  std::int64_t t, Communicator& world) const {
  find_directions(exec, options, grad_scale, t);
  const std::vector<double> both = norms(exec, world);
  for (const Stretch& s : stretches_) {
    const double w = s.decays ? both[s.tensor * kNorms] : 0.0;
    const double u = s.decays ? both[s.tensor * kNorms + 1] : 0.0;
    const double ratio = w > 0 && u > 0 ? w / u : 1.0;
    ops::lamb_apply(exec, {.master = master(s),
                           .direction = direction(s),
                           .weight = parameters_.flat_weights().slice(s.flat_offset, s.count),
                           .rate = static_cast<float>(learning_rate * ratio)});
  }
}

void Lamb::find_directions(const ops::Exec& exec, const AdamwOptions& options, float grad_scale, std::int64_t t) const {
  for (const Stretch& s : stretches_) {
    ops::lamb_direction(exec, {.master = master(s),
                               .m = state_.m().slice(s.own_offset, s.count),
                               .v = state_.v().slice(s.own_offset, s.count),
                               .grad = direction(s),
                               .beta1 = options.beta1,
                               .beta2 = options.beta2,
                               .epsilon = options.epsilon,
                               .weight_decay = s.decays ? options.weight_decay : 0.0F,
                               .grad_scale = grad_scale,
                               .t = t});
  }
}

std::vector<double> Lamb::norms(const ops::Exec& exec, Communicator& world) const {
  const std::vector<std::int64_t> bits = largest(exec, world);
  if (std::any_of(bits.begin(), bits.end(), [](std::int64_t b) { return b > ops::kLargestFinite; })) {
    throw AgreedError(
        "lamb: a weight or its update is not finite; lower optimizer.learning_rate or raise optimizer.epsilon");
  }
  const std::vector<std::int64_t> limbs = squares(exec, bits, world);
  std::vector<double> norms;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    norms.push_back(std::sqrt(ops::square_sum(&limbs[i * kLimbs], exponent_of(bits[i]))));
  }
  return norms;
}

std::vector<std::int64_t> Lamb::largest(const ops::Exec& exec, Communicator& world) const {
  for (std::size_t i = 0; i < summed_.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i * kNorms);
    ops::largest_magnitude(exec, scratch_.slice(at, 1), master(summed_[i]));
    ops::largest_magnitude(exec, scratch_.slice(at + 1, 1), direction(summed_[i]));
  }
  const std::vector<std::int64_t> own = to_host<std::int64_t>(scratch_, exec.stream);
  std::vector<std::int64_t> bits(tensors_ * kNorms, 0);
  for (std::size_t i = 0; i < summed_.size() * kNorms; ++i) {
    std::int64_t& most = bits[summed_[i / kNorms].tensor * kNorms + i % kNorms];
    most = std::max(most, own[i]);
  }
  world.all_reduce(as_tensor(bits), Reduce::max, {});
  return bits;
}

std::vector<std::int64_t> Lamb::squares(const ops::Exec& exec, const std::vector<std::int64_t>& largest,
                                        Communicator& world) const {
  for (std::size_t i = 0; i < summed_.size() * kNorms; ++i) {
    const Stretch& s = summed_[i / kNorms];
    const Tensor limbs = scratch_.slice(static_cast<std::int64_t>(i * kLimbs), ops::kSquareLimbs);
    ops::exact_sum_of_squares(exec, limbs, i % kNorms == 0 ? master(s) : direction(s),
                              exponent_of(largest[s.tensor * kNorms + i % kNorms]));
  }
  const std::vector<std::int64_t> own = to_host<std::int64_t>(scratch_, exec.stream);
  std::vector<std::int64_t> limbs(tensors_ * kNorms * kLimbs, 0);
  for (std::size_t i = 0; i < summed_.size(); ++i) {
    const std::size_t to = summed_[i].tensor * kNorms * kLimbs;
    for (std::size_t j = 0; j < kNorms * kLimbs; ++j) limbs[to + j] += own[i * kNorms * kLimbs + j];
  }
  world.all_reduce(as_tensor(limbs), Reduce::sum, {});
  return limbs;
}

}  // namespace phalanx
