// Progress goes to standard error, so that standard output holds results only.
#include "data/progress.h"

#include "core/log.h"

namespace phalanx::data {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{500};
constexpr std::chrono::milliseconds kLogInterval{10000};

}  // namespace

Progress::Progress()
    : terminal_(log::progress_terminal()), next_(Clock::now() + (terminal_ >= 0 ? kTerminalInterval : kLogInterval)) {}

Progress::~Progress() {
  if (terminal_ >= 0) log::erase_progress();
}

bool Progress::due() { return Clock::now() >= next_; }

void Progress::show(const std::string& line) {
  next_ = Clock::now() + (terminal_ >= 0 ? kTerminalInterval : kLogInterval);
  if (terminal_ < 0) return log::info(line);
  log::draw_progress(terminal_, line);
}

}  // namespace phalanx::data
