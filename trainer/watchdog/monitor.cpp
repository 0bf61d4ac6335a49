#include "trainer/watchdog/monitor.h"

#include <poll.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "core/check.h"
#include "core/host.h"
#include "trainer/watchdog/stack.h"

namespace phalanx::watchdog {
namespace {

constexpr std::size_t kMostStacks = 3;    // suspects that are asked for their stacks
constexpr int kStackMilliseconds = 1400;  // that they have for it

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Of a process on this host: "T" in its state.
bool is_stopped(std::int64_t pid) {
  std::ifstream file(str("/proc/", pid, "/stat"));
  std::string text;
  std::getline(file, text);
  const std::size_t name_end = text.rfind(')');
  return name_end != std::string::npos && name_end + 2 < text.size() &&
         (text[name_end + 2] == 'T' || text[name_end + 2] == 't');
}

std::string indented(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "    " + line + "\n";
  return text;
}

}  // namespace

Monitor::Monitor(const Beacon& beacon, int world_size, bool one_host, std::optional<double> hang_timeout,
                 std::string token, std::function<void(int)> on_sign)
    : beacon_(beacon),
      token_(std::move(token)),
      on_sign_(std::move(on_sign)),
      progress_(world_size, hang_timeout),
      world_size_(world_size) {
  if (world_size > 1) server_.emplace(one_host);
  progress_.set_host(0, host_name());
}

Meeting Monitor::meeting() const { return {token_, server_ ? server_->port() : 0, joined(own_addresses())}; }

std::optional<std::string> Monitor::look(int milliseconds) {
  wait(milliseconds);
  clock_.look();
  hear(0, beacon_.position());
  listen();
  const auto why = progress_.overdue(clock_.seconds());
  return why ? std::optional(verdict(*why)) : std::nullopt;
}

void Monitor::wait(int milliseconds) const {
  std::vector<pollfd> waiting;
  if (server_) waiting.push_back({server_->descriptor(), POLLIN, 0});
  for (const Peer& peer : peers_) waiting.push_back({peer.socket.descriptor(), POLLIN, 0});
  ::poll(waiting.data(), waiting.size(), milliseconds);
}

void Monitor::listen() {
  if (!server_) return;
  while (auto socket = server_->accept()) peers_.emplace_back(std::move(*socket));
  for (Peer& peer : peers_) {
    for (const std::string& line : peer.socket.receive()) take(peer, line);
  }
  peers_.remove_if([](const Peer& peer) { return peer.socket.broken(); });
}

void Monitor::hear(int world_rank, const Position& position) {
  progress_.hear(world_rank, position, clock_.seconds());
  if (on_sign_) on_sign_(world_rank);
}

void Monitor::take(Peer& peer, const std::string& line) {
  if (peer.world_rank < 0) {
    const auto hello = hello_from_line(line);
    const bool ours = hello && hello->token == token_ && hello->world_rank > 0 && hello->world_rank < world_size_;
    return ours ? welcome(peer, *hello) : peer.socket.give_up();
  }
  if (const auto at = after_word(line, "at")) {
    if (const auto position = from_line(*at)) hear(peer.world_rank, *position);
    peer.socket.send(str("ok ", progress_.limit()));
  } else if (const auto frame = after_word(line, "stack")) {
    peer.stack.push_back(*frame);
  } else if (line == kStackEnd) {
    peer.stack_ended = true;
  }
}

void Monitor::welcome(Peer& peer, const Hello& hello) {
  peer.world_rank = hello.world_rank;
  peer.pid = hello.pid;
  peer.host = hello.host;
  progress_.set_host(peer.world_rank, peer.host);
  peer.socket.send("welcome " + token_);
}

Monitor::Peer* Monitor::peer_of(int world_rank) {
  const auto found =
      std::find_if(peers_.begin(), peers_.end(), [&](const Peer& peer) { return peer.world_rank == world_rank; });
  return found == peers_.end() ? nullptr : &*found;
}

std::vector<std::string> Monitor::stack_of(int world_rank) {
  if (world_rank == 0) return take_stack();
  if (peer_of(world_rank) == nullptr) return {};
  peer_of(world_rank)->socket.send(kAskStack);
  const auto start = Clock::now();
  while (seconds_since(start) * 1000 < kStackMilliseconds) {
    wait(20);
    listen();
    const Peer* peer = peer_of(world_rank);
    if (peer == nullptr) return {};
    if (peer->stack_ended) return peer->stack;
  }
  return {};
}

void Monitor::mark_stopped(std::vector<RankReport>& reports) {
  for (RankReport& report : reports) {
    const Peer* peer = peer_of(report.world_rank);
    report.stopped = peer != nullptr && peer->host == host_name() && is_stopped(peer->pid);
  }
}

std::string Monitor::verdict(const std::string& why) {
  std::vector<RankReport> reports = progress_.reports(clock_.seconds());
  mark_stopped(reports);
  const Verdict judged = judge(reports);
  std::string text = why + "\n" + judged.text;
  for (std::size_t i = 0; i < std::min(judged.suspects.size(), kMostStacks); ++i) {
    const int rank = judged.suspects[i];
    const RankReport& report = reports[static_cast<std::size_t>(rank)];
    if (report.silent_seconds > kSilence) continue;
    const std::vector<std::string> stack = stack_of(rank);
    text += stack.empty() ? str("  rank ", rank, " did not tell its stack\n")
                          : str("  stack of rank ", rank, ":\n", indented(stack));
  }
  return text + "  the job ends; the same command goes on from the last checkpoint";
}

}  // namespace phalanx::watchdog
