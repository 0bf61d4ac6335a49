// Watchdog: ends a job that hangs, within seconds of its limit, and says which rank is to blame. Every rank has a
// thread that tells rank 0 where the main thread is, over TCP and outside of MPI; rank 0 judges, and the other ranks
// look whether rank 0 still answers. Training pays a few relaxed stores.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "parallel/runtime.h"
#include "trainer/watchdog/beacon.h"

namespace phalanx::watchdog {

// On a thread of the watchdog, once: the job hangs, and this is why. Expected to end the job.
using OnHang = std::function<void(const std::string& verdict)>;

// On a thread of rank 0's watchdog: this rank has just shown a sign of life.
using OnSign = std::function<void(int world_rank)>;

// Until it is destroyed. hang_timeout: seconds that a step may take; nullopt: learned. `beacon` must outlive it. Main
// thread; collective.
class Watchdog {
 public:
  Watchdog(const Beacon& beacon, std::optional<double> hang_timeout, OnHang on_hang, const Runtime& runtime,
           OnSign on_sign = {});
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace phalanx::watchdog
