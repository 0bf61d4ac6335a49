// The JSON files of a Hugging Face folder, and how messages show what stands in files.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace phalanx::hf {

// A file of at most 64 MiB. Throws Error naming the file and the place in it.
nlohmann::json read_json(const std::string& path);

// Durable, two spaces to a level.
void write_json(const std::string& path, const nlohmann::ordered_json& json);

// A name or value as messages show it: control characters replaced, long ones cut.
std::string shown(const std::string& text);

}  // namespace phalanx::hf
