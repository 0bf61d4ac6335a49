// What ranks and rank 0's watchdog say to each other, a line each:
//   hello TOKEN RANK PID HOST    first, from a rank
//   welcome TOKEN                rank 0 knows it now
//   at POSITION                  several times a second
//   ok LIMIT                     heard; seconds that rank 0 may be silent for
//   stack?                       where is your main thread?
//   stack LINE ... stack.        it is here
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace phalanx::watchdog {

struct Hello {
  std::string token;
  int world_rank = -1;
  std::int64_t pid = 0;
  std::string host;
};
std::string to_line(const Hello& hello);
std::optional<Hello> hello_from_line(std::string_view line);

// What follows `word` and a blank; nullopt: the line begins otherwise.
std::optional<std::string> after_word(std::string_view line, std::string_view word);

inline constexpr std::string_view kAskStack = "stack?";
inline constexpr std::string_view kStackEnd = "stack.";

// How to reach rank 0: shared once, by MPI.
struct Meeting {
  std::string token;
  int port = 0;
  std::string addresses;  // separated by blanks
};
std::string to_line(const Meeting& meeting);
Meeting meeting_from_line(const std::string& line);

}  // namespace phalanx::watchdog
