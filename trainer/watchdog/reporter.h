// Reporter: the side of every other rank. Tells rank 0 where the main thread is, answers for its stack, and looks
// whether rank 0 is still there.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "trainer/watchdog/awake_clock.h"
#include "trainer/watchdog/beacon.h"
#include "trainer/watchdog/line_socket.h"
#include "trainer/watchdog/messages.h"

namespace phalanx::watchdog {

class Reporter {
 public:
  Reporter(const Beacon& beacon, int world_rank, Meeting meeting);

  // Reports once and waits for words of rank 0 for up to `milliseconds`; a verdict when rank 0 is gone.
  std::optional<std::string> look(int milliseconds);

 private:
  void meet();
  [[nodiscard]] std::optional<LineSocket> meet_at(const std::string& address) const;
  void take(const std::string& line);
  void tell_stack();
  [[nodiscard]] bool rank_zero_is_gone() const;

  const Beacon& beacon_;
  int world_rank_;
  Meeting meeting_;
  std::optional<LineSocket> socket_;
  bool met_ = false;  // at least once
  AwakeClock clock_;
  double next_try_ = 0;  // seconds of the clock, as all below
  double told_ = -1;
  double answered_ = 0;
  double limit_ = 0;  // of rank 0's silence
  Position position_;
  double moved_ = 0;
};

}  // namespace phalanx::watchdog
