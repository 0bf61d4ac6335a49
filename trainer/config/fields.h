// The one list of configuration keys. Loading, `config show`, the resolved YAML, validation and did-you-mean read it
// and nothing else, so a key that is not here does not exist.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "trainer/config/config.h"

namespace phalanx::config {

// Where a value of type T lives in a Config.
template <class T>
struct Access {
  T& (*get)(Config&);
  const T& (*read)(const Config&);
};

using AnyAccess =
    std::variant<Access<std::string>, Access<std::int64_t>, Access<std::uint64_t>, Access<double>, Access<bool>,
                 Access<AutoInt>, Access<std::vector<Source>>, Access<std::vector<Phase>>, Access<BatchRamp>>;

// What a value may be: a number from `least` to `most` (below `most` when open), or one of `choices`.
struct Limits {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool open_above = false;
  std::vector<std::string_view> choices;  // empty: any text
};

struct Field {
  std::string_view key;  // "section.name"
  AnyAccess access;
  std::string_view unit;  // "tokens"; empty: none
  std::string_view meaning;
  Limits limits;
};

// All keys, section by section, in the order of Config.
const std::vector<Field>& fields();
const Field* find_field(std::string_view key);  // nullptr: no such key

std::string_view section_of(std::string_view key);  // "run" of "run.name"
std::string_view leaf_of(std::string_view key);     // "name" of "run.name"

}  // namespace phalanx::config
