// The verdict on a job that hangs: which ranks are missing or late, where they are, and what the others wait for. Pure:
// made of what the ranks have told.
#pragma once

#include <string>
#include <vector>

#include "trainer/watchdog/position.h"

namespace phalanx::watchdog {

// What is known of one rank.
struct RankReport {
  int world_rank = 0;
  std::string host;
  bool known = false;          // it has told its position at least once
  Position position;           // as last told
  double unmoved_seconds = 0;  // that it has been there
  double silent_seconds = 0;   // since it told anything
  bool stopped = false;        // its process exists and is stopped, as far as can be seen from here
};

struct Verdict {
  std::string text;           // several lines
  std::vector<int> suspects;  // world ranks, the likeliest first; empty: no one stands out
};

// A rank that tells nothing for so long does not answer.
inline constexpr double kSilence = 1.5;  // seconds

Verdict judge(const std::vector<RankReport>& ranks);

}  // namespace phalanx::watchdog
