// What nlohmann's exceptions say, without their tag "[json.exception.parse_error.101] ".
#pragma once

#include <exception>
#include <string>

namespace phalanx::data {

inline std::string json_reason(const std::exception& error) {
  const std::string text = error.what();
  const std::size_t tag = text.rfind("[json.exception.", 0) == 0 ? text.find("] ") : std::string::npos;
  return tag == std::string::npos ? text : text.substr(tag + 2);
}

}  // namespace phalanx::data
