// RankSeries: what any rank can tell Prometheus of itself: phases, waits, collectives, memory. Part of a registry; for
// the .cpp files of exporters only, as it includes prometheus-cpp.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <array>
#include <vector>

#include "parallel/communicator.h"
#include "trainer/memory.h"
#include "trainer/metrics/stats.h"

namespace phalanx {

// A family of the registry with the name and help of the list of metrics; Error for a name that is not in it.
// `constant`: labels of all its series.
prometheus::Family<prometheus::Gauge>& gauges(prometheus::Registry& registry, const char* name,
                                              const prometheus::Labels& constant = {});
prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, const char* name,
                                                  const prometheus::Labels& constant = {});

class RankSeries {
 public:
  // `registry` must outlive this.
  explicit RankSeries(prometheus::Registry& registry, const prometheus::Labels& constant = {});

  void step(const StepStats& stats);
  void memory(const std::vector<ArenaBytes>& arenas);
  // Totals since the process began; several communicators may be given one after the other in one list.
  void usage(const std::vector<Communicator::Usage>& totals);

 private:
  prometheus::Family<prometheus::Gauge>& memory_;
  prometheus::Family<prometheus::Gauge>& planned_;
  prometheus::Counter& data_wait_;
  prometheus::Family<prometheus::Counter>& phases_;
  prometheus::Family<prometheus::Counter>& seconds_;
  prometheus::Family<prometheus::Counter>& bytes_;
  std::array<prometheus::Counter*, kPhaseNames.size()> phase_{};
};

}  // namespace phalanx
