// Progress of long work: one line that rewrites itself on a terminal, a plain line now and then in a log.
#pragma once

#include <string>

#include "core/clock.h"

namespace phalanx::data {

class Progress {
 public:
  Progress();
  ~Progress();  // erases the terminal's line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Whether it is time to show something: twice a second on a terminal, every ten seconds in a log. Cheap.
  bool due();
  void show(const std::string& line);

 private:
  int terminal_;  // descriptor to draw on; -1: lines of log
  Clock::time_point next_;
};

}  // namespace phalanx::data
