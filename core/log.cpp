#include "core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace phalanx::log {
namespace {

// The one process-wide state of the project: what a line of log starts with, and where it goes.
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

}  // namespace

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

void write_info(std::string_view message) { logger().info("{}{}", prefix(), message); }
void write_warning(std::string_view message) { logger().warn("{}warning: {}", prefix(), message); }
void write_error(std::string_view message) { logger().error("{}error: {}", prefix(), message); }

}  // namespace phalanx::log
