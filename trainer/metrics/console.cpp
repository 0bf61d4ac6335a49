#include "trainer/metrics/console.h"

#include <fmt/format.h>

#include <cmath>

#include "core/log.h"
#include "trainer/metrics/format.h"

namespace phalanx {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);

std::string step_of(std::int64_t step, std::int64_t steps) {
  const std::string total = std::to_string(steps);
  return str("step ", align_right(std::to_string(step), total.size()), "/", total);
}

std::string utilization(double ratio) { return ratio > 0 ? format_fixed(100 * ratio, 1) + "%" : "-"; }

}  // namespace

std::string step_line(const StepStats& s, std::int64_t steps) {
  return str(step_of(s.step, steps), " | loss ", align_right(format_fixed(s.loss, 4), 8), " | norm ",
             align_right(format_fixed(s.gradient_norm, 3), 8), " | rate ", fmt::format("{:.3e}", s.learning_rate),
             " | ", align_right(format_seconds(s.step_seconds), 7), " | ",
             align_right(format_count(s.tokens_per_second), 9), " tokens/s | ",
             align_right(format_si(s.flops_per_second, "FLOP/s"), 13), " | MFU ",
             align_right(utilization(s.model_flops_utilization_ratio), 5), " | ETA ", format_duration(s.eta_seconds),
             s.skipped ? " | skipped" : "");
}

// Short, so that it fits a narrow terminal.
std::string progress_line(const StepStats& s, std::int64_t steps) {
  return str(step_of(s.step, steps), "  loss ", format_fixed(s.loss, 4), "  ", format_count(s.tokens_per_second),
             " tokens/s  ETA ", format_duration(s.eta_seconds));
}

Console::Console(std::int64_t steps, std::int64_t every, int terminal)
    : steps_(steps), every_(every), terminal_(terminal) {}

Console::~Console() {
  if (drawn_) log::erase_progress();
}

void Console::step(const StepStats& s) {
  const bool due = every_ > 0 && (s.step % every_ == 0 || s.step == 1 || s.step == steps_);
  if (due) log::info(step_line(s, steps_));
  if (s.step < steps_) draw(progress_line(s, steps_));
}

void Console::validation(const ValidationStats& s) {
  log::info(str(step_of(s.step, steps_), " | validation loss ", format_fixed(s.loss, 4), " | perplexity ",
                format_fixed(std::exp(s.pairs > 0 ? s.token_loss : s.loss), 2), " | ",
                format_count(static_cast<double>(s.tokens)), " tokens in ", format_seconds(s.seconds)));
}

void Console::checkpoint(std::int64_t step, const std::string& path, double seconds, double stall_seconds) {
  log::info(str(step_of(step, steps_), " | checkpoint ", path, " in ", format_seconds(seconds), ", training waited ",
                format_seconds(stall_seconds)));
}

void Console::draw(const std::string& line) {
  const auto now = Clock::now();
  if (terminal_ < 0 || (drawn_ && now - last_draw_ < kRedraw)) return;
  log::draw_progress(terminal_, line);
  drawn_ = true;
  last_draw_ = now;
}

}  // namespace phalanx
