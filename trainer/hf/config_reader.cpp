#include "trainer/hf/config_reader.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "trainer/hf/json_files.h"

namespace phalanx::hf {
namespace {

constexpr std::int64_t kLargestSize = std::int64_t{1} << 32;  // products of two stay far from overflow

std::string shown_value(const nlohmann::json& value) {
  return shown(value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
}

}  // namespace

const nlohmann::json* ConfigReader::find(const char* key) const {
  const auto found = config_.find(key);
  return found == config_.end() || found->is_null() ? nullptr : &*found;
}

std::int64_t ConfigReader::size(const char* key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) throw UsageError(str("has no ", key));
  const bool fits = value->is_number_unsigned() && value->get<std::uint64_t>() >= 1 &&
                    value->get<std::uint64_t>() <= static_cast<std::uint64_t>(kLargestSize);
  if (!fits) throw UsageError(str(key, " must be a whole number from 1, found ", shown_value(*value)));
  return value->get<std::int64_t>();
}

std::int64_t ConfigReader::size_or(const char* key, std::int64_t otherwise) const {
  return find(key) == nullptr ? otherwise : size(key);
}

std::int64_t ConfigReader::id_or(const char* key, std::int64_t otherwise) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return otherwise;
  const bool fits =
      value->is_number_unsigned() && value->get<std::uint64_t>() <= static_cast<std::uint64_t>(kLargestSize);
  if (!fits) throw UsageError(str(key, " must be a token's id, found ", shown_value(*value)));
  return value->get<std::int64_t>();
}

double ConfigReader::number(const char* key, double otherwise) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_number()) throw UsageError(str(key, " must be a number, found ", shown_value(*value)));
  return value->get<double>();
}

double ConfigReader::positive(const char* key, double otherwise) const {
  const double value = number(key, otherwise);
  if (!(value > 0)) throw UsageError(str(key, " must be above 0, found ", value));
  return value;
}

std::string ConfigReader::text(const char* key, const std::string& otherwise) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) throw UsageError(str(key, " must be text, found ", shown_value(*value)));
  return value->get<std::string>();
}

void ConfigReader::require_value(const char* key, bool value) const {
  const nlohmann::json* found = find(key);
  if (found == nullptr || *found == nlohmann::json(value)) return;
  throw UsageError(str(key, " is ", shown_value(*found), "; this program can do ", value ? "true" : "false", " only"));
}

void ConfigReader::require_text(const char* key, const std::string& value) const {
  const std::string found = text(key, value);
  if (found != value) throw UsageError(str(key, " is ", shown(found), "; this program can do ", value, " only"));
}

void ConfigReader::require_number(const char* key, double value) const {
  const double found = number(key, value);
  if (std::abs(found - value) <= 1e-6 * std::abs(value)) return;
  throw UsageError(str(key, " is ", found, "; this program computes with ", value));
}

}  // namespace phalanx::hf
