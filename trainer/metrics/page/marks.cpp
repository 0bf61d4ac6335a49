#include "trainer/metrics/page/marks.h"

#include <algorithm>

namespace phalanx {

bool Marks::add(Mark mark) {
  const auto kind = static_cast<std::size_t>(mark.kind);
  mark.ordinal = counts_[kind]++;
  last_[kind] = mark;
  if (mark.ordinal % strides_[kind] != 0) return false;
  kept_.push_back(mark);
  if (kept_.size() <= kMost) return false;
  thin();
  return true;
}

void Marks::thin() {
  std::array<std::size_t, kMarkNames.size()> sizes{};
  for (const Mark& mark : kept_) ++sizes[static_cast<std::size_t>(mark.kind)];
  const auto most = static_cast<std::size_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin());
  strides_[most] *= 2;
  std::erase_if(kept_, [&](const Mark& mark) {
    return static_cast<std::size_t>(mark.kind) == most && mark.ordinal % strides_[most] != 0;
  });
}

}  // namespace phalanx
