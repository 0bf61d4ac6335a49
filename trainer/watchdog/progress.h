// Is a job overdue? Rank 0's view of how it gets on, and the rule by which it hangs. No threads, no sockets.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trainer/watchdog/step_limit.h"
#include "trainer/watchdog/verdict.h"

namespace phalanx::watchdog {

class Progress {
 public:
  static constexpr double kLongestSave = 3600;  // seconds without a sign of life while a checkpoint is written

  Progress(int world_size, std::optional<double> hang_timeout);

  // What a rank told at `now`, the seconds of a clock that never goes back. Rank 0's tells what the job is about.
  void hear(int world_rank, const Position& position, double now);
  void set_host(int world_rank, const std::string& host);

  // Why the job hangs, in a sentence; nullopt: it does not.
  [[nodiscard]] std::optional<std::string> overdue(double now) const;
  [[nodiscard]] std::vector<RankReport> reports(double now) const;
  // Seconds that this rank may be silent for.
  [[nodiscard]] double limit() const;

 private:
  struct Rank {
    std::string host;
    bool known = false;
    Position position;
    double moved = 0;  // when it last got on
    double heard = 0;
  };
  void begin_unit(const Position& before, const Position& now_at, double now);
  [[nodiscard]] double last_move() const;
  [[nodiscard]] bool any_silent(double now, double seconds) const;

  StepLimit limit_;
  std::vector<Rank> ranks_;
  double unit_begun_ = 0;  // the step, evaluation or checkpoint that rank 0 is about
};

}  // namespace phalanx::watchdog
