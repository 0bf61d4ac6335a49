#include "trainer/watchdog/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"

namespace phalanx::watchdog {

Progress::Progress(int world_size, std::optional<double> hang_timeout)
    : limit_(hang_timeout), ranks_(static_cast<std::size_t>(world_size)) {}

void Progress::hear(int world_rank, const Position& position, double now) {
  Rank& rank = ranks_.at(static_cast<std::size_t>(world_rank));
  if (world_rank == 0 && rank.known) begin_unit(rank.position, position, now);
  if (!rank.known || position.moved_since(rank.position)) rank.moved = now;
  rank.known = true;
  rank.position = position;
  rank.heard = now;
}

void Progress::set_host(int world_rank, const std::string& host) {
  ranks_.at(static_cast<std::size_t>(world_rank)).host = host;
}

void Progress::begin_unit(const Position& before, const Position& now_at, double now) {
  if (before.activity == now_at.activity && before.step == now_at.step) return;
  // A look that came too late to see every step would make them look long; those are shorter than the limits anyway.
  if (before.activity == Activity::step) limit_.add_step(now - unit_begun_);
  unit_begun_ = now;
}

double Progress::limit() const { return limit_.seconds().value_or(StepLimit::kUnlearned); }

double Progress::last_move() const {
  double last = 0;
  for (const Rank& rank : ranks_) last = std::max(last, rank.moved);
  return last;
}

bool Progress::any_silent(double now, double seconds) const {
  return std::any_of(ranks_.begin(), ranks_.end(),
                     [&](const Rank& rank) { return rank.known && now - rank.heard > seconds; });
}

std::optional<std::string> Progress::overdue(double now) const {
  const Position& here = ranks_[0].position;
  const double still = now - last_move();
  const auto unmoved = [&](double limit) -> std::optional<std::string> {
    if (still <= limit) return std::nullopt;
    return fmt::format("hang: no rank got on for {:.1f} s in {} (limit {:g} s: {})", still, describe(here), limit,
                       limit_.origin());
  };
  switch (here.activity) {
    case Activity::step: {
      const double lasted = now - unit_begun_;
      if (!limit_.seconds()) return unmoved(StepLimit::kUnlearned);
      if (lasted <= *limit_.seconds()) return std::nullopt;
      return fmt::format("hang: step {} has lasted {:.1f} s (limit {:g} s: {})", here.step, lasted, *limit_.seconds(),
                         limit_.origin());
    }
    // A disk may be slow while nothing moves; a rank that does not even answer is another matter.
    case Activity::checkpoint: return unmoved(any_silent(now, limit()) ? limit() : std::max(limit(), kLongestSave));
    case Activity::start:
    case Activity::evaluation: return unmoved(limit());
    case Activity::end: return std::nullopt;
  }
  return std::nullopt;
}

std::vector<RankReport> Progress::reports(double now) const {
  std::vector<RankReport> all;
  for (std::size_t r = 0; r < ranks_.size(); ++r) {
    const Rank& rank = ranks_[r];
    all.push_back({.world_rank = static_cast<int>(r),
                   .host = rank.host,
                   .known = rank.known,
                   .position = rank.position,
                   .unmoved_seconds = now - rank.moved,
                   .silent_seconds = now - rank.heard});
  }
  return all;
}

}  // namespace phalanx::watchdog
