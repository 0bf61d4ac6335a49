#include "trainer/metrics/rank_metrics.h"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>

#include "core/check.h"
#include "trainer/metrics/http_server.h"
#include "trainer/metrics/rank_series.h"

namespace phalanx {
namespace {

constexpr int kLargestPort = 65535;

std::unique_ptr<HttpServer> serve(const config::Metrics& metrics, int world_rank, int local_rank) {
  const config::Address address = address_of_rank(metrics, local_rank);
  try {
    return std::make_unique<HttpServer>(address);
  } catch (const Error& error) {
    throw Error(str("metrics.per_rank: rank ", world_rank, " serves at the port of metrics.prometheus (",
                    metrics.prometheus, ") + its number on the host (", local_rank, "): ", error.what(),
                    "; jobs on one host need ports as far apart as they have ranks there"));
  }
}

}  // namespace

config::Address address_of_rank(const config::Metrics& metrics, int local_rank) {
  auto address = config::parse_address(metrics.prometheus);
  if (!address) throw UsageError(str("metrics.prometheus is no address:port: ", metrics.prometheus));
  if (address->port == 0) return *address;
  if (address->port + local_rank > kLargestPort) {
    throw UsageError(str("metrics.per_rank: port ", address->port,
                         " of metrics.prometheus + the rank's number on the host (", local_rank, ") is above ",
                         kLargestPort, ": choose a lower port, or 0 for free ones"));
  }
  address->port += local_rank;
  return *address;
}

struct RankMetrics::State {
  explicit State(int world_rank) : series(registry, {{"world_rank", std::to_string(world_rank)}}) {}

  prometheus::Registry registry;
  RankSeries series;
  std::unique_ptr<HttpServer> server;  // last: its page reads the registry
};

RankMetrics::RankMetrics(const config::Metrics& metrics, int world_rank, int local_rank)
    : state_(std::make_unique<State>(world_rank)) {
  state_->server = serve(metrics, world_rank, local_rank);
  state_->server->add_page("/metrics", [&registry = state_->registry](const HttpRequest&) -> HttpResponse {
    return {200, kMetricsContentType, prometheus::TextSerializer().Serialize(registry.Collect())};
  });
}

RankMetrics::~RankMetrics() = default;

void RankMetrics::report(const StepStats& stats, const std::vector<Communicator::Usage>& totals,
                         const std::vector<ArenaBytes>& arenas) {
  state_->series.step(stats);
  state_->series.usage(totals);
  state_->series.memory(arenas);
}

const config::Address& RankMetrics::address() const { return state_->server->address(); }

RankTargets targets_of(const std::vector<std::string>& servers) {
  RankTargets targets;
  const std::string here = servers.empty() ? "" : servers.front().substr(0, servers.front().find(' '));
  for (const std::string& server : servers) {
    if (server.empty()) continue;
    const std::size_t space = server.find(' ');
    const std::string address = server.substr(space + 1);
    const bool loopback = address.starts_with("127.") || address.starts_with("[::1]");
    if (loopback && server.substr(0, space) != here) {
      ++targets.unreachable;
    } else if (std::find(targets.addresses.begin(), targets.addresses.end(), address) == targets.addresses.end()) {
      targets.addresses.push_back(address);
    }
  }
  return targets;
}

}  // namespace phalanx
