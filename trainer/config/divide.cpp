// Trial division up to the root: the sizes of a configuration are small enough.
#include "trainer/config/divide.h"

#include <algorithm>

namespace phalanx::config {

std::vector<std::int64_t> divisors_near(std::int64_t n, std::int64_t wanted, std::int64_t most) {
  constexpr std::size_t kShown = 12;
  std::vector<std::int64_t> found;
  for (std::int64_t d = 1; d <= n / d; ++d) {
    if (n % d != 0) continue;
    if (d <= most) found.push_back(d);
    if (n / d != d && n / d <= most) found.push_back(n / d);
  }
  const auto nearer = [wanted](std::int64_t a, std::int64_t b) {
    const std::int64_t da = std::abs(a - wanted);
    const std::int64_t db = std::abs(b - wanted);
    return da != db ? da < db : a < b;
  };
  std::sort(found.begin(), found.end(), nearer);
  found.resize(std::min(found.size(), kShown));
  std::sort(found.begin(), found.end());
  return found;
}

std::string either(const std::vector<std::int64_t>& values) {
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool last = i + 1 == values.size();
    out += str(i == 0 ? "" : last ? " or " : ", ", values[i]);
  }
  return out;
}

void require_divides(Problems& problems, const char* whole_key, std::int64_t whole, const char* part_key,
                     std::int64_t part) {
  if (whole < 1 || part < 1 || whole % part == 0) return;
  const std::int64_t below = whole / part * part;
  std::vector<std::int64_t> wholes = {below, below + part};
  if (below == 0) wholes.erase(wholes.begin());
  problems.add(whole_key, " (", whole, ") must be divisible by ", part_key, " (", part, "): ", part_key, " may be ",
               either(divisors_near(whole, part, whole)), ", or ", whole_key, " ", either(wholes));
}

}  // namespace phalanx::config
