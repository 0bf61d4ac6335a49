// Monitor: rank 0's side of the watchdog. Listens to all ranks, and judges when the job is overdue.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "trainer/watchdog/awake_clock.h"
#include "trainer/watchdog/beacon.h"
#include "trainer/watchdog/line_socket.h"
#include "trainer/watchdog/messages.h"
#include "trainer/watchdog/progress.h"

namespace phalanx::watchdog {

class Monitor {
 public:
  // Listens at once. `token`: what ranks of this job say to be known. With one rank there is nobody to listen to.
  // on_sign: told the world rank of everyone that is heard of, rank 0 included; may be empty.
  Monitor(const Beacon& beacon, int world_size, bool one_host, std::optional<double> hang_timeout, std::string token,
          std::function<void(int)> on_sign = {});

  [[nodiscard]] Meeting meeting() const;

  // Looks once, waiting for words of ranks for up to `milliseconds`; a verdict when the job hangs.
  std::optional<std::string> look(int milliseconds);

 private:
  struct Peer {
    explicit Peer(LineSocket&& from) : socket(std::move(from)) {}
    LineSocket socket;
    int world_rank = -1;  // not known yet
    std::int64_t pid = 0;
    std::string host;
    std::vector<std::string> stack;
    bool stack_ended = false;
  };

  void wait(int milliseconds) const;
  void listen();
  void hear(int world_rank, const Position& position);
  void take(Peer& peer, const std::string& line);
  void welcome(Peer& peer, const Hello& hello);
  [[nodiscard]] Peer* peer_of(int world_rank);
  std::vector<std::string> stack_of(int world_rank);
  void mark_stopped(std::vector<RankReport>& reports);
  std::string verdict(const std::string& why);

  const Beacon& beacon_;
  std::string token_;
  std::function<void(int)> on_sign_;
  std::optional<LineServer> server_;
  std::list<Peer> peers_;
  AwakeClock clock_;
  Progress progress_;
  int world_size_;
};

}  // namespace phalanx::watchdog
