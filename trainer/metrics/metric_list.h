// The list of Prometheus metrics: what the exporter may publish, and what the Grafana dashboard draws.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace phalanx {

// timestamp: a gauge in Unix seconds, of which the age is of interest; 0: never. facts: always 1, the labels tell.
enum class MetricKind : std::uint8_t { gauge, timestamp, counter, histogram, facts };

struct Metric {
  const char* name;  // without the prefix phalanx_
  MetricKind kind;
  const char* label;  // that tells its series apart; "": there is one
  const char* panel;  // of the dashboard; "": none. Metrics of one panel stand side by side in the list
  const char* unit;   // of the panel, as Grafana calls it; of a counter, that of its rate
  const char* help;

  [[nodiscard]] std::string full_name() const { return std::string("phalanx_") + name; }
};

const std::vector<Metric>& metric_list();
// Throws Error when the list has no such metric. `name` is without the prefix.
const Metric& metric_named(std::string_view name);

}  // namespace phalanx
