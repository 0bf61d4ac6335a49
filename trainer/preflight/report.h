// What preflight found: one finding per check, the same on every rank.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace phalanx::preflight {

enum class Outcome : std::uint8_t { ok, warning, failure };
inline const char* name_of(Outcome outcome) {
  return outcome == Outcome::ok ? "ok" : outcome == Outcome::warning ? "warning" : "FAILED";
}

struct Finding {
  Outcome outcome = Outcome::ok;
  std::string check;  // "program", "clocks"
  std::string text;   // what was found; for a failure which rank, and what mends it
};

// What one rank tells of itself for a check.
struct Told {
  int world_rank = 0;
  std::string host;
  std::string value;
};

// Pure judgements of what all ranks told, in rank order.

// Every rank must tell the same: else the ranks that differ from the most are named. `what`: "build of phalanx";
// `mend`: what to do about it.
Finding judge_equal(const std::string& check, const std::string& what, const std::string& mend,
                    const std::vector<Told>& told);
// Every rank must tell nothing: else what it tells is its complaint.
Finding judge_silent(const std::string& check, const std::string& fine, const std::vector<Told>& told);
// Which ranks are where: "node01: ranks 0-3, 8 cores, 2 threads each". A rank's value is its cores and threads.
Finding describe_map(const std::vector<Told>& told);

}  // namespace phalanx::preflight
