#include "trainer/signals.h"

#include <atomic>
#include <csignal>

#include "core/check.h"

namespace phalanx {
namespace {

// What a handler may touch: a lock-free atomic. 0: no request.
std::atomic<int> requested_by{0};
static_assert(std::atomic<int>::is_always_lock_free);

void remember(int signal) { requested_by.store(signal, std::memory_order_relaxed); }

void install(int signal, int flags) {
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART | flags;  // reads and writes in progress go on
  sigemptyset(&action.sa_mask);
  ENSURE(sigaction(signal, &action, nullptr) == 0, "cannot handle signal ", signal);
}

}  // namespace

void install_stop_signals() {
  install(SIGUSR1, 0);
  install(SIGTERM, 0);
  install(SIGINT, static_cast<int>(SA_RESETHAND));
}

bool stop_requested() { return requested_by.load(std::memory_order_relaxed) != 0; }

const char* stop_signal_name() {
  switch (requested_by.load(std::memory_order_relaxed)) {
    case SIGUSR1: return "SIGUSR1";
    case SIGTERM: return "SIGTERM";
    case SIGINT: return "SIGINT";
    default: return "";
  }
}

void clear_stop_request() { requested_by.store(0, std::memory_order_relaxed); }

}  // namespace phalanx
