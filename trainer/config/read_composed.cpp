#include "trainer/config/read_composed.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <set>

#include "core/check.h"
#include "trainer/config/read_scalar.h"
#include "trainer/config/value.h"

namespace phalanx::config {
namespace {

// One entry of a map: its name, what it must be, and how it is taken.
struct Part {
  const char* name;
  const char* type;
  bool required;
  std::function<bool(const YAML::Node&)> take;  // false: it is no such value
};

template <class T>
Part part(const char* name, const char* type, T& out, bool required = false) {
  return {name, type, required, [&out](const YAML::Node& node) { return read_scalar(node, out); }};
}

std::string names_of(const std::vector<Part>& parts) {
  std::string out = "{";
  for (const Part& p : parts) out += str(out.size() > 1 ? ", " : "", p.name);
  return out + "}";
}

// Takes every entry of one map; returns false after reporting.
bool read_map(const YAML::Node& node, const Field& field, const std::vector<Part>& parts, const Report& report) {
  if (!node.IsMap()) {
    report(node, str(field.key, " must be ", type_text(field), ", found ", describe(node), " in it"));
    return false;
  }
  bool good = true;
  const auto complain = [&](const YAML::Node& at, const std::string& problem) {
    report(at, str(field.key, problem));
    good = false;
  };
  std::set<std::string> seen;
  for (const auto& item : node) {
    const std::string name = item.first.IsScalar() ? item.first.Scalar() : describe(item.first);
    const auto found = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return name == p.name; });
    if (!seen.insert(name).second)
      complain(item.first, str(" has ", name, " twice"));
    else if (found == parts.end())
      complain(item.first, str(" has entries ", names_of(parts), "; unknown key ", name.substr(0, 80)));
    else if (!found->take(item.second))
      complain(item.second, str(": ", name, " must be ", found->type, ", found ", describe(item.second)));
  }
  for (const Part& p : parts) {
    if (p.required && !seen.contains(p.name)) complain(node, str(" has an entry without ", p.name));
  }
  return good;
}

bool read_item(const YAML::Node& node, const Field& field, Source& out, const Report& report) {
  return read_map(node, field, {part("path", "text", out.path, true), part("weight", "a number", out.weight)}, report);
}

bool read_item(const YAML::Node& node, const Field& field, Phase& out, const Report& report) {
  Part rate = part("learning_rate", "a number from 0", out.learning_rate);
  rate.take = [&out](const YAML::Node& n) { return read_scalar(n, out.learning_rate) && out.learning_rate >= 0; };
  return read_map(node, field,
                  {part("steps", "integer", out.steps, true), part("context", "integer or auto", out.context),
                   part("global_batch", "integer or auto", out.global_batch),
                   part("micro_batch", "integer or auto", out.micro_batch), rate,
                   part("warmup_steps", "integer or auto", out.warmup_steps)},
                  report);
}

template <class T>
void read_list(const YAML::Node& node, const Field& field, std::vector<T>& out, const Report& report) {
  if (!node.IsSequence()) {
    report(node, str(field.key, " must be ", type_text(field), ", found ", describe(node)));
    return;
  }
  std::vector<T> items;
  bool good = true;
  for (const auto& item : node) good = read_item(item, field, items.emplace_back(), report) && good;
  if (good) out = std::move(items);
}

}  // namespace

void read_composed(const YAML::Node& node, const Field& field, std::vector<Source>& out, const Report& report) {
  read_list(node, field, out, report);
}

void read_composed(const YAML::Node& node, const Field& field, std::vector<Phase>& out, const Report& report) {
  read_list(node, field, out, report);
}

void read_composed(const YAML::Node& node, const Field& field, BatchRamp& out, const Report& report) {
  BatchRamp ramp;
  const bool none = node.IsScalar() && node.Scalar() == "none";
  if (none || read_map(node, field,
                       {part("from", "integer", ramp.from, true), part("to", "integer", ramp.to, true),
                        part("steps", "integer", ramp.steps, true)},
                       report)) {
    out = ramp;
  }
}

}  // namespace phalanx::config
