#include "core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <mutex>

namespace phalanx::log {
namespace {

// The process-wide state of the project: what a line of log starts with, where it goes, and the line of progress that
// it must not run into.
std::string& prefix() {
  static std::string text;
  return text;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("phalanx", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

struct Progress {
  std::mutex mutex;   // held while a line is drawn, erased or logged
  int terminal = -1;  // where one is drawn; -1: nowhere
};

Progress& progress() {
  static Progress state;
  return state;
}

constexpr std::string_view kErase = "\r\033[K";

// With the lock held. A terminal that takes no more bytes is left alone.
void erase(Progress& p) {
  if (p.terminal >= 0) static_cast<void>(!::write(p.terminal, kErase.data(), kErase.size()));
  p.terminal = -1;
}

void write_line(spdlog::level::level_enum level, const char* title, std::string_view message) {
  const std::scoped_lock lock(progress().mutex);
  erase(progress());
  logger().log(level, "{}{}{}", prefix(), title, message);
}

}  // namespace

void draw_progress(int terminal, std::string_view line) {
  const std::scoped_lock lock(progress().mutex);
  // The cursor goes back to the first column: what others print starts there.
  const std::string text = str(kErase, line, "\r");
  progress().terminal = ::write(terminal, text.data(), text.size()) > 0 ? terminal : -1;
}

void erase_progress() {
  const std::scoped_lock lock(progress().mutex);
  erase(progress());
}

int progress_terminal() {
  const char* kind = std::getenv("TERM");
  const bool redraws = kind != nullptr && std::string_view(kind) != "dumb";
  return redraws && isatty(STDERR_FILENO) == 1 ? STDERR_FILENO : -1;
}

void set_identity(const Identity& identity) {
  if (identity.world_size <= 1) {
    prefix().clear();
    return;
  }
  const std::size_t digits = std::to_string(identity.world_size - 1).size();
  std::string rank = std::to_string(identity.world_rank);
  rank.insert(0, digits - rank.size(), ' ');
  prefix() = str("[rank ", rank, " @ ", identity.host, "] ");
}

std::string identity_prefix() { return prefix(); }

void write_info(std::string_view message) { write_line(spdlog::level::info, "", message); }
void write_warning(std::string_view message) { write_line(spdlog::level::warn, "warning: ", message); }
void write_error(std::string_view message) { write_line(spdlog::level::err, "error: ", message); }

}  // namespace phalanx::log
