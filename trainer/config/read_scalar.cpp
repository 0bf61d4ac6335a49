// Strict scalar conversions, one per type of value.
#include "trainer/config/read_scalar.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>

namespace phalanx::config {
namespace {

// yaml-cpp tags plain scalars "?" and quoted ones "!".
bool is_plain_scalar(const YAML::Node& node) { return node.IsScalar() && node.Tag() == "?"; }

template <class T>
bool read_number(const YAML::Node& node, T& out) {
  if (!is_plain_scalar(node)) return false;
  const std::string& text = node.Scalar();
  const char* begin = text.data() + (text.size() > 1 && text[0] == '+' && text[1] != '-' ? 1 : 0);
  const char* end = text.data() + text.size();
  T value{};
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc{} || stop != end) return false;
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) return false;
  }
  out = value;
  return true;
}

}  // namespace

bool read_scalar(const YAML::Node& node, std::int64_t& out) { return read_number(node, out); }
bool read_scalar(const YAML::Node& node, std::uint64_t& out) { return read_number(node, out); }
bool read_scalar(const YAML::Node& node, double& out) { return read_number(node, out); }

bool read_scalar(const YAML::Node& node, bool& out) {
  if (!is_plain_scalar(node) || (node.Scalar() != "true" && node.Scalar() != "false")) return false;
  out = node.Scalar() == "true";
  return true;
}

bool read_scalar(const YAML::Node& node, AutoInt& out) {
  if (node.IsScalar() && node.Scalar() == "auto") {
    out = AutoInt{};
    return true;
  }
  std::int64_t value = 0;
  if (!read_number(node, value) || value < 0) return false;
  out.value = value;
  return true;
}

bool read_scalar(const YAML::Node& node, std::string& out) {
  if (!node.IsScalar()) return false;
  out = node.Scalar();
  return true;
}

}  // namespace phalanx::config
