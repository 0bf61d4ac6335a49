// Logging: one line per message on standard error, with level and, under mpirun, the padded rank. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "core/check.h"

namespace phalanx::log {

// Who speaks; until it is set, lines carry no rank. Set once, right after MPI starts.
struct Identity {
  int world_rank = 0;
  int world_size = 1;
  std::string host;
};
void set_identity(const Identity& identity);

// For tests: "[rank 3 @ node07] ", what the lines of this process begin with; empty when there is one process.
std::string identity_prefix();

// A line of progress on the terminal behind the descriptor `terminal`, in place of the one before; it should fit the
// terminal's width. Whatever is logged erases it first, so that neither garbles the other.
void draw_progress(int terminal, std::string_view line);
void erase_progress();
// Standard error's descriptor when it is a terminal that can redraw a line, else -1.
int progress_terminal();

void write_info(std::string_view message);
void write_warning(std::string_view message);
void write_error(std::string_view message);

template <class... Args>
void info(const Args&... args) {
  write_info(str(args...));
}
template <class... Args>
void warning(const Args&... args) {
  write_warning(str(args...));
}
template <class... Args>
void error(const Args&... args) {
  write_error(str(args...));
}

}  // namespace phalanx::log
