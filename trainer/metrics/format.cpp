#include "trainer/metrics/format.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace phalanx {

std::string format_fixed(double value, int decimals) { return fmt::format("{:.{}f}", value, decimals); }

std::string format_count(double value) {
  std::string text = fmt::format("{:.0f}", value);
  if (!std::isfinite(value)) return text;
  const std::size_t first = text[0] == '-' ? 1 : 0;
  for (std::size_t i = text.size(); i > first + 3;) {
    i -= 3;
    text.insert(i, 1, ',');
  }
  return text;
}

std::string format_si(double value, const char* unit) {
  static constexpr std::array kPrefixes = {"", "k", "M", "G", "T", "P", "E"};
  std::size_t prefix = 0;
  while (std::abs(value) >= 999.95 && prefix + 1 < kPrefixes.size() && std::isfinite(value)) {
    value /= 1000;
    ++prefix;
  }
  return fmt::format("{:.1f} {}{}", value, kPrefixes[prefix], unit);
}

std::string format_seconds(double seconds) {
  if (seconds < 0.01) return fmt::format("{:.2f} ms", 1e3 * seconds);
  if (seconds < 9.9995) return fmt::format("{:.0f} ms", 1e3 * seconds);
  return fmt::format("{:.1f} s", seconds);
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e10) return "?";
  const auto total = static_cast<std::int64_t>(std::llround(seconds));
  const std::int64_t minutes = total / 60;
  const std::int64_t hours = minutes / 60;
  if (hours >= 24) return fmt::format("{} d {:02} h", hours / 24, hours % 24);
  if (hours > 0) return fmt::format("{} h {:02} m", hours, minutes % 60);
  if (minutes > 0) return fmt::format("{} m {:02} s", minutes, total % 60);
  return fmt::format("{} s", total);
}

std::string align_right(const std::string& text, std::size_t width) { return fmt::format("{:>{}}", text, width); }

}  // namespace phalanx
