// Keys of a config.json, read with their types. What is wrong is a UsageError that names the key.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace phalanx::hf {

class ConfigReader {
 public:
  // `config` is an object and must outlive this.
  explicit ConfigReader(const nlohmann::json& config) : config_(config) {}

  // A whole number from 1 that must be there.
  [[nodiscard]] std::int64_t size(const char* key) const;
  // The same; `otherwise` where it is null or not there.
  [[nodiscard]] std::int64_t size_or(const char* key, std::int64_t otherwise) const;
  [[nodiscard]] double number(const char* key, double otherwise) const;
  [[nodiscard]] double positive(const char* key, double otherwise) const;  // a number above 0
  [[nodiscard]] std::string text(const char* key, const std::string& otherwise) const;
  // A token's id: a whole number from 0; `otherwise` where it is null or not there.
  [[nodiscard]] std::int64_t id_or(const char* key, std::int64_t otherwise) const;
  // A switch that is there must have the one value that this program can do.
  void require_value(const char* key, bool value) const;
  // Likewise a text, or a number, exact to a millionth of it.
  void require_text(const char* key, const std::string& value) const;
  void require_number(const char* key, double value) const;

 private:
  [[nodiscard]] const nlohmann::json* find(const char* key) const;  // nullptr: null or not there

  const nlohmann::json& config_;
};

}  // namespace phalanx::hf
