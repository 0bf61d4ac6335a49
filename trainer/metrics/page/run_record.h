// One line of metrics.jsonl, read back: what the page needs of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/memory.h"
#include "trainer/metrics/page/marks.h"
#include "trainer/metrics/page/step_bins.h"
#include "trainer/metrics/stats.h"

namespace phalanx {

struct StepRecord {
  StepSample sample;
  std::string digest;                     // empty: not taken
  std::vector<double> rank_step_seconds;  // empty: not told
  std::vector<ArenaBytes> memory;         // empty: as told before
};

// Of an event of an unknown name, nothing is set.
struct RunRecord {
  double time = 0;
  bool begins = false;          // a "run" event
  std::optional<RunInfo> info;  // of "run" and of a "resume" that tells it
  std::optional<StepRecord> step;
  std::optional<Mark> mark;
};

// Throws Error saying what is wrong: no JSON object, no event name, another format, a key that is missing or of a wrong
// type. Null is a number that was not finite.
RunRecord parse_record(std::string_view line);

}  // namespace phalanx
