// Progress goes to standard error, so that standard output holds results only.
#include "data/progress.h"

#include <unistd.h>

#include <cstdio>

#include "core/log.h"

namespace phalanx::data {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{500};
constexpr std::chrono::milliseconds kLogInterval{10000};

}  // namespace

Progress::Progress()
    : is_terminal_(::isatty(STDERR_FILENO) == 1),
      next_(Clock::now() + (is_terminal_ ? kTerminalInterval : kLogInterval)) {}

Progress::~Progress() {
  if (has_line_) std::fputs("\n", stderr);
}

bool Progress::due() { return Clock::now() >= next_; }

void Progress::show(const std::string& line) {
  next_ = Clock::now() + (is_terminal_ ? kTerminalInterval : kLogInterval);
  if (!is_terminal_) return log::info(line);
  std::fputs(("\r\x1b[K" + line).c_str(), stderr);  // the escape clears the rest of the line
  std::fflush(stderr);
  has_line_ = true;
}

}  // namespace phalanx::data
