#include "trainer/config/read_value.h"

#include <yaml-cpp/yaml.h>

#include "core/check.h"
#include "trainer/config/read_composed.h"
#include "trainer/config/read_scalar.h"
#include "trainer/config/value.h"

namespace phalanx::config {
namespace {

template <class T>
void read_one(const YAML::Node& node, const Field& field, T& out, const Report& report) {
  if (!read_scalar(node, out)) report(node, str(field.key, " must be ", type_text(field), ", found ", describe(node)));
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
    if constexpr (std::is_same_v<T, std::vector<Source>> || std::is_same_v<T, std::vector<Phase>> ||
                  std::is_same_v<T, BatchRamp>)
      read_composed(node, field, access.get(changed), watch);
    else
      read_one(node, field, access.get(changed), watch);
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
