#include "trainer/optimizer/exact_grad_norm.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/device.h"
#include "model/ops/exact_sum.h"

namespace phalanx {

ExactGradNorm::ExactGradNorm(const ParamLayout& layout, const OptimizerState& state, bool counts, Arena& arena)
    : layout_(layout), groups_(norm_groups(layout.table())) {
  for (const OwnedPiece& piece : state.pieces()) {
    if (counts && piece.primary) pieces_.push_back(piece);
  }
  scratch_ = arena.take({ops::kSquareLimbs}, DType::i64);
}

std::int64_t ExactGradNorm::largest(const ops::Exec& exec, const Tensor& flat_gradients, Communicator& world) const {
  std::int64_t largest = 0;
  for (const OwnedPiece& piece : pieces_) {
    ops::largest_magnitude(exec, scratch_.slice(0, 1), flat_gradients.slice(piece.flat_offset, piece.count));
    largest = std::max(largest, to_host<std::int64_t>(scratch_, exec.stream).front());
  }
  world.all_reduce(host_tensor(&largest, {1}), Reduce::max, {});
  return largest;
}

std::vector<double> ExactGradNorm::sums(const ops::Exec& exec, const Tensor& flat_gradients,
                                        Communicator& world) const {
  const std::int64_t bits = largest(exec, flat_gradients, world);
  if (bits > ops::kLargestFinite) return std::vector<double>(groups_, std::numeric_limits<double>::quiet_NaN());
  if (bits == 0) return std::vector<double>(groups_, 0.0);
  const int exponent = std::ilogb(std::bit_cast<float>(static_cast<std::int32_t>(bits))) + 1;
  std::vector<std::int64_t> limbs(groups_ * ops::kSquareLimbs, 0);
  for (const OwnedPiece& piece : pieces_) {
    ops::exact_sum_of_squares(exec, scratch_, flat_gradients.slice(piece.flat_offset, piece.count), exponent);
    const std::size_t group = norm_group(layout_.table()[static_cast<std::size_t>(piece.spec)]);
    const std::vector<std::int64_t> squares = to_host<std::int64_t>(scratch_, exec.stream);
    for (std::size_t i = 0; i < ops::kSquareLimbs; ++i) limbs[group * ops::kSquareLimbs + i] += squares[i];
  }
  world.all_reduce(host_tensor(limbs.data(), {static_cast<std::int64_t>(limbs.size())}), Reduce::sum, {});
  std::vector<double> sums(groups_);
  for (std::size_t g = 0; g < groups_; ++g) sums[g] = ops::square_sum(&limbs[g * ops::kSquareLimbs], exponent);
  return sums;
}

}  // namespace phalanx
