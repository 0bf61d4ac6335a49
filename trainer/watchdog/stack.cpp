#include "trainer/watchdog/stack.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <thread>

#include "core/check.h"

namespace phalanx::watchdog {
namespace {

constexpr int kMostFrames = 64;
constexpr int kOwnFrames = 2;  // the handler and the kernel's trampoline
constexpr auto kAnswerLimit = std::chrono::seconds(1);

// What the handler writes: addresses only, names are looked up later by the thread that asks.
struct Capture {
  std::array<void*, kMostFrames> frames{};
  int count = 0;
  std::atomic<bool> done{false};
  pthread_t thread{};
  std::atomic<bool> prepared{false};
};
Capture capture;

int signal_number() { return SIGRTMIN + 5; }

void on_signal(int /*signal*/) {
  capture.count = backtrace(capture.frames.data(), kMostFrames);
  capture.done.store(true, std::memory_order_release);
}

std::string readable(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(symbol, nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? name.get() : symbol;
}

std::string line_of(int index, void* frame) {
  Dl_info info{};
  const std::string number = str("#", index, " ");
  if (dladdr(frame, &info) == 0 || info.dli_fname == nullptr) return str(number, frame);
  const auto offset_from = [&](void* base) { return static_cast<char*>(frame) - static_cast<char*>(base); };
  const std::string file = info.dli_fname;
  const std::string base = file.substr(file.rfind('/') + 1);
  if (info.dli_sname == nullptr) return str(number, base, "+0x", std::hex, offset_from(info.dli_fbase));
  return str(number, readable(info.dli_sname), "+0x", std::hex, offset_from(info.dli_saddr), " (", base, ")");
}

}  // namespace

void prepare_stack() {
  void* frame = nullptr;
  backtrace(&frame, 1);  // loads what it needs now, not inside of the handler
  capture.thread = pthread_self();
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ENSURE(sigaction(signal_number(), &action, nullptr) == 0, "cannot handle signal ", signal_number());
  capture.prepared.store(true, std::memory_order_release);
}

std::vector<std::string> take_stack() {
  std::vector<std::string> lines;
  if (!capture.prepared.load(std::memory_order_acquire)) return lines;
  capture.done.store(false, std::memory_order_relaxed);
  if (pthread_kill(capture.thread, signal_number()) != 0) return lines;
  const auto limit = std::chrono::steady_clock::now() + kAnswerLimit;
  while (!capture.done.load(std::memory_order_acquire)) {
    if (std::chrono::steady_clock::now() > limit) return lines;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (int i = kOwnFrames; i < capture.count; ++i) {
    lines.push_back(line_of(i - kOwnFrames, capture.frames[static_cast<std::size_t>(i)]));
  }
  return lines;
}

}  // namespace phalanx::watchdog
