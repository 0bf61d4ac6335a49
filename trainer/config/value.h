// Values of fields as text, and whether a value is one that the field allows.
#pragma once

#include <optional>
#include <string>

#include "trainer/config/fields.h"

namespace phalanx::config {

// The value as a YAML flow scalar or list: what --set would take. Numbers are printed so that reading them back gives
// the same bits.
std::string value_text(const Field& field, const Config& config);

// "integer", "number", "true or false", "integer or auto", "text", "one of gpt, bert", "list of {path, weight}".
std::string type_text(const Field& field);

// What is wrong with the value by itself, without the key: "must be from 1 to 4096, found 0".
std::optional<std::string> problem_of_value(const Field& field, const Config& config);

// Shortest decimal form that reads back to the same bits.
std::string number_text(double value);

}  // namespace phalanx::config
