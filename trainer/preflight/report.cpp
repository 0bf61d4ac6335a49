#include "trainer/preflight/report.h"

#include <algorithm>
#include <map>

#include "core/check.h"

namespace phalanx::preflight {
namespace {

constexpr std::size_t kMostNamed = 8;  // ranks of which a finding speaks

std::string name_of(const Told& rank) { return str("rank ", rank.world_rank, " @ ", rank.host); }

// "0-3, 7".
std::string ranges(const std::vector<int>& ranks) {
  std::string text;
  for (std::size_t i = 0; i < ranks.size();) {
    std::size_t end = i;
    while (end + 1 < ranks.size() && ranks[end + 1] == ranks[end] + 1) ++end;
    text += str(text.empty() ? "" : ", ", ranks[i], end > i ? str("-", ranks[end]) : std::string());
    i = end + 1;
  }
  return text;
}

}  // namespace

Finding judge_equal(const std::string& check, const std::string& what, const std::string& mend,
                    const std::vector<Told>& told) {
  std::map<std::string, int> counts;
  for (const Told& rank : told) ++counts[rank.value];
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (counts.size() == 1) return {Outcome::ok, check, str(what, ": ", most->first)};
  std::string text = str(what, " differs: ", most->second, " ranks have ", most->first);
  std::size_t named = 0;
  for (const Told& rank : told) {
    if (rank.value == most->first || ++named > kMostNamed) continue;
    text += str("; ", name_of(rank), " has ", rank.value);
  }
  return {Outcome::failure, check, str(text, ". ", mend)};
}

Finding judge_silent(const std::string& check, const std::string& fine, const std::vector<Told>& told) {
  std::string text;
  std::size_t named = 0;
  for (const Told& rank : told) {
    if (rank.value.empty() || ++named > kMostNamed) continue;
    text += str(text.empty() ? "" : "; ", name_of(rank), ": ", rank.value);
  }
  return text.empty() ? Finding{Outcome::ok, check, fine} : Finding{Outcome::failure, check, text};
}

Finding describe_map(const std::vector<Told>& told) {
  std::vector<std::pair<std::string, std::string>> places;  // in the order of first ranks
  std::map<std::pair<std::string, std::string>, std::vector<int>> ranks;
  for (const Told& rank : told) {
    const std::pair place{rank.host, rank.value};
    if (!ranks.contains(place)) places.push_back(place);
    ranks[place].push_back(rank.world_rank);
  }
  std::string text;
  for (const auto& place : places) {
    const std::vector<int>& here = ranks[place];
    text += str(text.empty() ? "" : "; ", place.first, ": ", here.size() == 1 ? "rank " : "ranks ", ranges(here), ", ",
                place.second);
  }
  return {Outcome::ok, "map", text};
}

}  // namespace phalanx::preflight
