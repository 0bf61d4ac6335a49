#include "trainer/metrics/rank_series.h"

#include <algorithm>
#include <map>

#include "trainer/metrics/metric_list.h"
#include "trainer/version.h"

namespace phalanx {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;

Family<Gauge>& gauges(prometheus::Registry& registry, const char* name, const prometheus::Labels& constant) {
  const Metric& metric = metric_named(name);
  return prometheus::BuildGauge().Name(metric.full_name()).Help(metric.help).Labels(constant).Register(registry);
}

Family<Counter>& counters(prometheus::Registry& registry, const char* name, const prometheus::Labels& constant) {
  const Metric& metric = metric_named(name);
  return prometheus::BuildCounter().Name(metric.full_name()).Help(metric.help).Labels(constant).Register(registry);
}

RankSeries::RankSeries(prometheus::Registry& registry, const prometheus::Labels& constant)
    : memory_(gauges(registry, "memory_bytes", constant)),
      planned_(gauges(registry, "memory_planned_bytes", constant)),
      data_wait_(counters(registry, "data_wait_seconds_total", constant).Add({})),
      phases_(counters(registry, "train_phase_seconds_total", constant)),
      seconds_(counters(registry, "collective_seconds_total", constant)),
      bytes_(counters(registry, "collective_bytes_total", constant)) {
  for (std::size_t p = 0; p < kPhaseNames.size(); ++p) phase_[p] = &phases_.Add({{"phase", kPhaseNames[p]}});
  gauges(registry, "build_info", constant)
      .Add({{"version", std::string(program_version())}, {"commit", std::string(source_commit())}})
      .Set(1);
}

void RankSeries::step(const StepStats& stats) {
  data_wait_.Increment(stats.data_wait_seconds);
  for (std::size_t p = 0; p < phase_.size(); ++p) phase_[p]->Increment(stats.phase_seconds[p]);
}

void RankSeries::memory(const std::vector<ArenaBytes>& arenas) {
  for (const ArenaBytes& arena : arenas) {
    memory_.Add({{"arena", arena.name}}).Set(static_cast<double>(arena.used));
    planned_.Add({{"arena", arena.name}}).Set(static_cast<double>(arena.planned));
  }
}

void RankSeries::usage(const std::vector<Communicator::Usage>& totals) {
  std::map<std::string, Communicator::Usage> sums;
  for (const Communicator::Usage& total : totals) {
    Communicator::Usage& sum = sums[total.operation];
    sum.seconds += total.seconds;
    sum.bytes += total.bytes;
  }
  for (const auto& [operation, sum] : sums) {
    Counter& seconds = seconds_.Add({{"operation", operation}});
    Counter& bytes = bytes_.Add({{"operation", operation}});
    seconds.Increment(std::max(0.0, sum.seconds - seconds.Value()));
    bytes.Increment(std::max(0.0, static_cast<double>(sum.bytes) - bytes.Value()));
  }
}

}  // namespace phalanx
