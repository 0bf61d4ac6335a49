#include "trainer/watchdog/reporter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <sstream>
#include <thread>
#include <utility>

#include "core/check.h"
#include "core/host.h"
#include "trainer/watchdog/stack.h"

namespace phalanx::watchdog {
namespace {

constexpr double kReportEvery = 0.25;    // seconds
constexpr double kTryEvery = 2.0;        // seconds between attempts to reach rank 0
constexpr int kMeetMilliseconds = 1000;  // for one address
constexpr double kRankZeroFirst = 1.0;   // seconds that rank 0 has to speak before another rank does,
constexpr double kRanksApart = 0.5;      // and that rank 1 has before rank 2, so that one speaks
constexpr int kMostApart = 4;

}  // namespace

Reporter::Reporter(const Beacon& beacon, int world_rank, Meeting meeting)
    : beacon_(beacon), world_rank_(world_rank), meeting_(std::move(meeting)) {}

std::optional<std::string> Reporter::look(int milliseconds) {
  clock_.look();
  const Position now_at = beacon_.position();
  if (now_at.moved_since(position_)) moved_ = clock_.seconds();
  position_ = now_at;
  if (socket_ && socket_->broken()) socket_.reset();
  if (!socket_ && clock_.seconds() >= next_try_) meet();
  if (!socket_) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  } else {
    if (clock_.seconds() - told_ >= kReportEvery) {
      socket_->send("at " + to_line(position_));
      told_ = clock_.seconds();
    }
    for (const std::string& line : socket_->receive_within(milliseconds)) take(line);
  }
  if (!rank_zero_is_gone()) return std::nullopt;
  return fmt::format(
      "hang: rank 0 has told nothing for {:.1f} s (limit {:g} s): its process is stopped, or its host or "
      "network is gone\n  rank {} waits at {}\n  the job ends; the same command goes on from the last "
      "checkpoint",
      clock_.seconds() - answered_, limit_, world_rank_, describe(position_));
}

void Reporter::meet() {
  std::istringstream addresses(meeting_.addresses);
  for (std::string address; addresses >> address;) {
    socket_ = meet_at(address);
    if (socket_) break;
  }
  clock_.look();
  next_try_ = clock_.seconds() + kTryEvery;
  if (!socket_ || met_) return;
  met_ = true;
  answered_ = clock_.seconds();
}

// An address of rank 0's host may be another host's as well, and somebody else's port there.
std::optional<LineSocket> Reporter::meet_at(const std::string& address) const {
  auto socket = LineSocket::connect(address, meeting_.port, kMeetMilliseconds);
  if (!socket) return std::nullopt;
  socket->send(to_line(Hello{meeting_.token, world_rank_, getpid(), host_name()}));
  const std::vector<std::string> lines = socket->receive_within(kMeetMilliseconds);
  if (lines.empty() || lines[0] != "welcome " + meeting_.token) return std::nullopt;
  return socket;
}

void Reporter::take(const std::string& line) {
  if (const auto limit = after_word(line, "ok")) {
    answered_ = clock_.seconds();
    std::from_chars(limit->data(), limit->data() + limit->size(), limit_);
  } else if (line == kAskStack) {
    tell_stack();
  }
}

void Reporter::tell_stack() {
  for (const std::string& frame : take_stack()) socket_->send("stack " + frame.substr(0, 1000));
  socket_->send(kStackEnd);
}

// Only while this rank does not get on either: a connection may break for reasons of its own.
bool Reporter::rank_zero_is_gone() const {
  if (!met_ || limit_ <= 0) return false;
  const double patience = limit_ + kRankZeroFirst + kRanksApart * std::min(world_rank_ - 1, kMostApart);
  return clock_.seconds() - answered_ > patience && clock_.seconds() - moved_ > limit_;
}

}  // namespace phalanx::watchdog
