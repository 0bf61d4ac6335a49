#include "trainer/hf/json_files.h"

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/file.h"
#include "data/json_reason.h"

namespace phalanx::hf {
namespace {

constexpr std::int64_t kLargest = std::int64_t{64} << 20;  // bytes
constexpr int kDeepest = 16;                               // levels; real ones have three or four
constexpr std::size_t kShown = 100;                        // characters

}  // namespace

nlohmann::json read_json(const std::string& path) {
  const std::string text = read_text(path, kLargest);
  const auto no_deeper = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kDeepest) throw Error(str(path, ": is nested more than ", kDeepest, " levels deep"));
    return true;
  };
  try {
    return nlohmann::json::parse(text, no_deeper);
  } catch (const nlohmann::json::exception& error) {
    throw Error(str(path, ": not valid JSON: ", shown(data::json_reason(error))));
  }
}

void write_json(const std::string& path, const nlohmann::ordered_json& json) {
  write_text(path, json.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n");
}

std::string shown(const std::string& text) {
  std::string result = text.size() > kShown ? text.substr(0, kShown) + "..." : text;
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return result;
}

}  // namespace phalanx::hf
