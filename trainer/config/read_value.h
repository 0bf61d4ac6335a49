// One YAML node -> one field of a Config. Types are strict: a quoted number is text, 1.5 is no integer.
#pragma once

#include <functional>
#include <string>

#include "trainer/config/fields.h"

namespace YAML {
class Node;
}

namespace phalanx::config {

// Receives a problem and the node that has it.
using Report = std::function<void(const YAML::Node& node, const std::string& problem)>;

// Sets the field from the node, or reports why not, naming the key; the config then keeps its value.
void read_value(const YAML::Node& node, const Field& field, Config& config, const Report& report);

// "a list", "text \"abc\"", "nothing": the node, for messages.
std::string describe(const YAML::Node& node);

}  // namespace phalanx::config
