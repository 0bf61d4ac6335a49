// One YAML scalar -> one value. Types are strict: a quoted number is text, 1.5 is no integer. false: it is no such
// value, and `out` is as it was.
#pragma once

#include <cstdint>
#include <string>

#include "trainer/config/config.h"

namespace YAML {
class Node;
}

namespace phalanx::config {

bool read_scalar(const YAML::Node& node, std::int64_t& out);
bool read_scalar(const YAML::Node& node, std::uint64_t& out);
bool read_scalar(const YAML::Node& node, double& out);
bool read_scalar(const YAML::Node& node, bool& out);
bool read_scalar(const YAML::Node& node, AutoInt& out);
bool read_scalar(const YAML::Node& node, std::string& out);

}  // namespace phalanx::config
