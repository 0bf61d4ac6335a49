// Reads the JSON of a safetensors header as it streams by: no tree is built, names that appear twice are seen, and what
// is not of the expected form ends the reading at once.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>

#include "trainer/hf/safetensors_header.h"

namespace phalanx::hf {

class HeaderEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader take() { return std::move(header_); }

  bool null() override;
  bool boolean(bool value) override;
  bool number_integer(number_integer_t value) override;
  bool number_unsigned(number_unsigned_t value) override;
  bool number_float(number_float_t value, const string_t& text) override;
  bool string(string_t& value) override;
  bool binary(binary_t& value) override;
  bool start_object(std::size_t elements) override;
  bool key(string_t& value) override;
  bool end_object() override;
  bool start_array(std::size_t elements) override;
  bool end_array() override;
  bool parse_error(std::size_t position, const std::string& last_token,
                   const nlohmann::json::exception& error) override;

 private:
  enum class At : std::uint8_t { begin, names, tensor, numbers, metadata, end };
  enum class Field : std::uint8_t { none, dtype, shape, offsets };
  [[noreturn]] void refuse(const std::string& what) const;
  bool unexpected(const char* what) const;
  bool add_number(std::uint64_t value);
  void begin_field(const std::string& name);
  void finish_tensor();

  At at_ = At::begin;
  Field field_ = Field::none;
  std::string name_;         // of the tensor, or of the entry of the metadata
  TensorInfo tensor_;        // being read
  unsigned fields_ = 0;      // which of its fields were there
  std::size_t numbers_ = 0;  // read of the current list
  std::unordered_set<std::string> names_;
  SafetensorsHeader header_;
};

}  // namespace phalanx::hf
