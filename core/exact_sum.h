// ExactSum: a sum of doubles whose bits do not depend on the order, nor on how the terms are spread over ranks. Terms
// are rounded, one by one, to multiples of 2^-40; from there everything is integer addition.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace phalanx {

class ExactSum {
 public:
  // |value| below 2^53, and the sum below 2^62; a value that is not finite makes the sum NaN.
  void add(double value) {
    if (!std::isfinite(value) || std::abs(value) >= 0x1p53) {
      ++limbs_[2];
      return;
    }
    const double whole = std::floor(value);
    limbs_[0] += static_cast<std::int64_t>(whole);
    limbs_[1] += std::llrint((value - whole) * 0x1p40);
  }

  // Three integers; adding those of all ranks adds the sums.
  std::array<std::int64_t, 3>& limbs() { return limbs_; }

  [[nodiscard]] double value() const {
    if (limbs_[2] != 0) return std::nan("");
    constexpr std::int64_t kOne = std::int64_t{1} << 40;
    const std::int64_t carry = limbs_[1] / kOne;
    return static_cast<double>(limbs_[0] + carry) + static_cast<double>(limbs_[1] % kOne) * 0x1p-40;
  }

 private:
  std::array<std::int64_t, 3> limbs_{};  // whole, fraction in 2^-40, terms that are not finite
};

}  // namespace phalanx
