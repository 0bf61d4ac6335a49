// Strict scalar conversions, one per type of field.
#include "trainer/config/read_value.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <set>

#include "core/check.h"
#include "trainer/config/value.h"

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

bool read(const YAML::Node& node, std::int64_t& out) { return read_number(node, out); }
bool read(const YAML::Node& node, std::uint64_t& out) { return read_number(node, out); }
bool read(const YAML::Node& node, double& out) { return read_number(node, out); }

bool read(const YAML::Node& node, bool& out) {
  if (!is_plain_scalar(node) || (node.Scalar() != "true" && node.Scalar() != "false")) return false;
  out = node.Scalar() == "true";
  return true;
}

bool read(const YAML::Node& node, AutoInt& out) {
  if (node.IsScalar() && node.Scalar() == "auto") {
    out = AutoInt{};
    return true;
  }
  std::int64_t value = 0;
  if (!read_number(node, value) || value < 0) return false;
  out.value = value;
  return true;
}

bool read(const YAML::Node& node, std::string& out) {
  if (!node.IsScalar()) return false;
  out = node.Scalar();
  return true;
}

// One {path, weight}; returns false after reporting.
bool read_source(const YAML::Node& node, const Field& field, Source& out, const Report& report) {
  if (!node.IsMap()) {
    report(node, str(field.key, " must be a list of {path, weight}, found ", describe(node), " in it"));
    return false;
  }
  bool good = true;
  std::set<std::string> seen;
  const auto complain = [&](const YAML::Node& at, const std::string& problem) {
    report(at, problem);
    good = false;
  };
  for (const auto& item : node) {
    const std::string name = item.first.IsScalar() ? item.first.Scalar() : describe(item.first);
    if (!seen.insert(name).second)
      complain(item.first, str(field.key, " has a source with ", name, " twice"));
    else if (name == "path") {
      if (!read(item.second, out.path))
        complain(item.second, str(field.key, ": path must be text, found ", describe(item.second)));
    } else if (name == "weight") {
      if (!read(item.second, out.weight))
        complain(item.second, str(field.key, ": weight must be a number, found ", describe(item.second)));
    } else
      complain(item.first, str(field.key, " has sources of {path, weight}; unknown key ", name));
  }
  if (!seen.contains("path")) complain(node, str(field.key, " has a source without path"));
  return good;
}

void read_sources(const YAML::Node& node, const Field& field, std::vector<Source>& out, const Report& report) {
  if (!node.IsSequence()) {
    report(node, str(field.key, " must be a list of {path, weight}, found ", describe(node)));
    return;
  }
  std::vector<Source> sources;
  bool good = true;
  for (const auto& item : node) good = read_source(item, field, sources.emplace_back(), report) && good;
  if (good) out = std::move(sources);
}

template <class T>
void read_scalar(const YAML::Node& node, const Field& field, T& out, const Report& report) {
  if (!read(node, out)) report(node, str(field.key, " must be ", type_text(field), ", found ", describe(node)));
}

}  // namespace

void read_value(const YAML::Node& node, const Field& field, Config& config, const Report& report) {
  bool good = true;
  const Report watch = [&](const YAML::Node& at, const std::string& problem) {
    good = false;
    report(at, problem);
  };
  Config changed = config;
  const auto store = [&]<class T>(const Access<T>& access) {
    if constexpr (std::is_same_v<T, std::vector<Source>>)
      read_sources(node, field, access.get(changed), watch);
    else
      read_scalar(node, field, access.get(changed), watch);
  };
  std::visit(store, field.access);
  if (!good) return;
  if (const auto problem = problem_of_value(field, changed)) watch(node, str(field.key, " ", *problem));
  if (good) config = std::move(changed);
}

std::string describe(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Sequence: return "a list";
    case YAML::NodeType::Map: return "a section of keys";
    case YAML::NodeType::Scalar: break;
    default: return "nothing";
  }
  constexpr std::size_t kShown = 60;
  std::string text;
  for (const char c : node.Scalar().substr(0, kShown)) text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  if (node.Scalar().size() > kShown) text += "...";
  return node.Tag() == "?" ? text : str("the text \"", text, "\"");
}

}  // namespace phalanx::config
