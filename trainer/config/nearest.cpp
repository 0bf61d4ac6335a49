// Edit distance (optimal string alignment) over the field list.
#include "trainer/config/nearest.h"

#include <algorithm>

#include "trainer/config/fields.h"

namespace phalanx::config {
namespace {

constexpr std::size_t kLongest = 64;  // a longer word is no typo; bounds the work on hostile input

// Distances up to this count as near.
int tolerance(std::string_view word) { return std::max(2, static_cast<int>(word.size() / 3)); }

// A right name in the wrong section counts as one edit.
int distance_to_key(std::string_view unknown, std::string_view key) {
  const int whole = edit_distance(unknown, key);
  const int leaf = edit_distance(leaf_of(unknown), leaf_of(key)) + 1;
  return std::min(whole, leaf);
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kLongest);
  b = b.substr(0, kLongest);
  std::vector<int> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replaced = row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

std::string nearest_key(std::string_view unknown) {
  int best = tolerance(leaf_of(unknown)) + 1;
  std::string_view found;
  for (const Field& field : fields()) {
    const int distance = distance_to_key(unknown, field.key);
    if (distance < best) {
      best = distance;
      found = field.key;
    }
  }
  return std::string(found);
}

std::string nearest_section(std::string_view unknown) {
  int best = tolerance(unknown) + 1;
  std::string_view found;
  for (const std::string_view name : section_names()) {
    const int distance = edit_distance(unknown, name);
    if (distance < best) {
      best = distance;
      found = name;
    }
  }
  return std::string(found);
}

std::vector<std::string_view> section_names() {
  std::vector<std::string_view> names;
  for (const Field& field : fields()) {
    const std::string_view section = section_of(field.key);
    if (names.empty() || names.back() != section) names.push_back(section);
  }
  return names;
}

}  // namespace phalanx::config
