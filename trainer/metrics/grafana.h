// The Grafana dashboard of runs, made from the list of metrics: no panel can name a metric that is not published.
#pragma once

#include <string>

namespace phalanx {

// As Grafana reads it from a provisioned folder. Variables: the data source (Prometheus) and the run.
std::string grafana_dashboard();

}  // namespace phalanx
