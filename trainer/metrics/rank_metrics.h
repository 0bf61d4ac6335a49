// RankMetrics: the /metrics of a rank other than 0, with metrics.per_rank. It tells what only the rank knows of itself,
// under the label world_rank; what is true of the whole run is told by rank 0 alone, so that sums count it once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "trainer/config/address.h"
#include "trainer/config/config.h"
#include "trainer/memory.h"
#include "trainer/metrics/stats.h"

namespace phalanx {

// Where the rank with this number on its host serves: the port of metrics.prometheus + local_rank; port 0 stays 0, a
// free one. Throws UsageError naming the keys when there is no such port.
config::Address address_of_rank(const config::Metrics& metrics, int local_rank);

class RankMetrics {
 public:
  // Serves at once. Throws Error naming the keys, the rank and the port when that port cannot be had.
  RankMetrics(const config::Metrics& metrics, int world_rank, int local_rank);
  ~RankMetrics();
  RankMetrics(const RankMetrics&) = delete;
  RankMetrics& operator=(const RankMetrics&) = delete;

  // After each step: of this rank; `totals` of all its communicators.
  void report(const StepStats& stats, const std::vector<Communicator::Usage>& totals,
              const std::vector<ArenaBytes>& arenas);
  // Where it serves, with the port that was taken.
  [[nodiscard]] const config::Address& address() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Which of all ranks' servers ("host address:port" each, "" for none, rank 0 first) a Prometheus on rank 0's host
// reaches, each once: a loopback address is that of the rank's own host. `unreachable`: how many are left out.
struct RankTargets {
  std::vector<std::string> addresses;
  int unreachable = 0;
};
RankTargets targets_of(const std::vector<std::string>& servers);

}  // namespace phalanx
