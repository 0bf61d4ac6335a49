#include "trainer/watchdog/messages.h"

#include <sstream>

#include "core/check.h"

namespace phalanx::watchdog {

std::string to_line(const Hello& h) { return str("hello ", h.token, ' ', h.world_rank, ' ', h.pid, ' ', h.host); }

std::optional<Hello> hello_from_line(std::string_view line) {
  const auto rest = after_word(line, "hello");
  if (!rest) return std::nullopt;
  std::istringstream in(*rest);
  Hello hello;
  in >> hello.token >> hello.world_rank >> hello.pid;
  if (!in) return std::nullopt;
  in >> hello.host;
  return hello;
}

std::optional<std::string> after_word(std::string_view line, std::string_view word) {
  if (!line.starts_with(word) || line.size() <= word.size() || line[word.size()] != ' ') return std::nullopt;
  return std::string(line.substr(word.size() + 1));
}

std::string to_line(const Meeting& m) { return str(m.token, ' ', m.port, ' ', m.addresses); }

Meeting meeting_from_line(const std::string& line) {
  std::istringstream in(line);
  Meeting meeting;
  in >> meeting.token >> meeting.port >> std::ws;
  std::getline(in, meeting.addresses);
  return meeting;
}

}  // namespace phalanx::watchdog
