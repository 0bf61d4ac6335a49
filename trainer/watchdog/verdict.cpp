#include "trainer/watchdog/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "core/check.h"

namespace phalanx::watchdog {
namespace {

constexpr std::size_t kNamed = 8;  // ranks that a list names

using Ranks = std::vector<const RankReport*>;

std::string name_of(const RankReport& r) {
  return r.host.empty() ? str("rank ", r.world_rank) : str("rank ", r.world_rank, " @ ", r.host);
}

std::string list_of(const Ranks& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < std::min(ranks.size(), kNamed); ++i) text += str(i > 0 ? ", " : "", ranks[i]->world_rank);
  return ranks.size() > kNamed ? str(text, ", … (", ranks.size(), " ranks)") : text;
}

// Ranks in one place: those that wait for each other.
using Place = std::tuple<std::int64_t, int, int, std::string, std::int64_t>;
Place place_of(const Position& p) {
  const std::int64_t call = p.waits() ? p.calls[static_cast<std::size_t>(p.group)] : 0;
  return {p.step, static_cast<int>(p.activity), p.group, p.operation, call};
}

std::vector<Ranks> by_place(const Ranks& ranks) {
  std::map<Place, Ranks> places;
  for (const RankReport* rank : ranks) places[place_of(rank->position)].push_back(rank);
  std::vector<Ranks> groups;
  groups.reserve(places.size());
  for (auto& [place, group] : places) groups.push_back(std::move(group));
  return groups;
}

Ranks only(const std::vector<RankReport>& ranks, const auto& condition) {
  Ranks found;
  for (const RankReport& rank : ranks) {
    if (condition(rank)) found.push_back(&rank);
  }
  return found;
}

std::string seconds(double value) { return fmt::format("{:.1f} s", value); }

std::string where(const RankReport& r) { return str(describe(r.position), ", for ", seconds(r.unmoved_seconds)); }

void say_silent(Verdict& verdict, const Ranks& silent) {
  for (const RankReport* r : silent) {
    verdict.suspects.push_back(r->world_rank);
    const char* why = r->stopped ? "its process is stopped (by a signal or a debugger) and cannot answer"
                                 : "its process is stopped, or its host or network is gone";
    verdict.text += str("  ", name_of(*r), " has told nothing for ", seconds(r->silent_seconds), ": ", why,
                        "; last seen at ", describe(r->position), "\n");
  }
}

void say_late(Verdict& verdict, const Ranks& late) {
  for (const RankReport* r : late) {
    verdict.suspects.push_back(r->world_rank);
    verdict.text += str("  ", name_of(*r), " is late: ", where(*r), "\n");
  }
}

void say_waiting(Verdict& verdict, const Ranks& waiting) {
  for (const Ranks& group : by_place(waiting)) {
    verdict.text += str("  ", list_of(group), group.size() == 1 ? " waits at " : " wait at ", where(*group[0]), "\n");
  }
}

// All are in collectives, but not in the same one: most ranks are right. Of two halves the one that has entered fewer
// collectives of all ranks has left one out.
void say_apart(Verdict& verdict, const Ranks& waiting) {
  std::vector<Ranks> groups = by_place(waiting);
  const auto entered = [](const Ranks& group) { return group[0]->position.calls[0]; };
  std::stable_sort(groups.begin(), groups.end(), [&](const Ranks& a, const Ranks& b) {
    return a.size() != b.size() ? a.size() < b.size() : entered(a) < entered(b);
  });
  const Ranks& most = groups.back();
  Ranks others;
  for (std::size_t g = 0; g + 1 < groups.size(); ++g) {
    for (const RankReport* r : groups[g]) {
      verdict.suspects.push_back(r->world_rank);
      verdict.text += str("  ", name_of(*r), " left a collective out or took another branch: it is at ", where(*r),
                          "; it has entered ", r->position.calls[0], " collectives of the world group, ",
                          most[0]->position.calls[0], " were entered by ", list_of(most), "\n");
    }
  }
  say_waiting(verdict, most);
}

}  // namespace

Verdict judge(const std::vector<RankReport>& ranks) {
  Verdict verdict;
  const Ranks unknown = only(ranks, [](const RankReport& r) { return !r.known; });
  const Ranks silent = only(ranks, [](const RankReport& r) { return r.known && r.silent_seconds > kSilence; });
  const auto answers = [](const RankReport& r) { return r.known && r.silent_seconds <= kSilence; };
  const Ranks late = only(ranks, [&](const RankReport& r) { return answers(r) && !r.position.waits(); });
  const Ranks waiting = only(ranks, [&](const RankReport& r) { return answers(r) && r.position.waits(); });
  if (!silent.empty()) {
    say_silent(verdict, silent);
    say_waiting(verdict, waiting);
    for (const RankReport* r : late) verdict.text += str("  ", name_of(*r), " is at ", where(*r), "\n");
  } else if (!late.empty()) {
    say_late(verdict, late);
    say_waiting(verdict, waiting);
  } else if (by_place(waiting).size() > 1) {
    say_apart(verdict, waiting);
  } else {
    say_waiting(verdict, waiting);
    if (unknown.empty()) {
      verdict.text += "  no rank is missing: the network between hosts, or MPI itself, does not get on\n";
    }
  }
  if (!unknown.empty()) {
    verdict.text += str("  of ", list_of(unknown), " nothing is known: they never reached rank 0's watchdog\n");
  }
  return verdict;
}

}  // namespace phalanx::watchdog
