#include "trainer/watchdog/watchdog.h"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <exception>
#include <thread>
#include <utility>

#include "core/log.h"
#include "core/nonce.h"
#include "trainer/agree.h"
#include "trainer/watchdog/monitor.h"
#include "trainer/watchdog/reporter.h"
#include "trainer/watchdog/stack.h"

namespace phalanx::watchdog {
namespace {

constexpr int kLookMilliseconds = 100;

// Signals that ask the run to stop, or for the main thread's stack, are for the main thread.
void block_all_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

struct Watchdog::State {
  std::optional<Monitor> monitor;
  std::optional<Reporter> reporter;
  OnHang on_hang;
  std::atomic<bool> stop{false};
  std::thread thread;

  [[nodiscard]] std::optional<std::string> look() {
    return monitor ? monitor->look(kLookMilliseconds) : reporter->look(kLookMilliseconds);
  }
  void run() {
    block_all_signals();
    try {
      while (!stop.load(std::memory_order_relaxed)) {
        if (const auto verdict = look()) return on_hang(*verdict);
      }
    } catch (const std::exception& error) {
      log::warning("the watchdog ended, a hang will not be found: ", error.what());
    }
  }
};

Watchdog::Watchdog(const Beacon& beacon, std::optional<double> hang_timeout, OnHang on_hang, const Runtime& runtime,
                   OnSign on_sign)
    : state_(std::make_unique<State>()) {
  prepare_stack();
  state_->on_hang = std::move(on_hang);
  std::string meeting;
  on_rank_zero(runtime.world(), [&] {
    const bool one_host = runtime.local_size() == runtime.world_size();
    state_->monitor.emplace(beacon, runtime.world_size(), one_host, hang_timeout, str(std::hex, random_nonce()),
                            std::move(on_sign));
    meeting = to_line(state_->monitor->meeting());
  });
  meeting = share_text(runtime.world(), meeting);
  if (runtime.world_rank() != 0) state_->reporter.emplace(beacon, runtime.world_rank(), meeting_from_line(meeting));
  state_->thread = std::thread([this] { state_->run(); });
}

Watchdog::~Watchdog() {
  state_->stop.store(true, std::memory_order_relaxed);
  state_->thread.join();
}

}  // namespace phalanx::watchdog
