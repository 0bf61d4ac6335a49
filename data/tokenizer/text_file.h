// Small text files, whole: reading with a bound, writing so that a reader sees the old file or the new one.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace phalanx::data {

// The bytes of a regular file of at most 256 MiB, which is more than any tokenizer has. Throws Error naming it.
std::string read_text_file(const std::string& path);

// read_text_file, parsed. Throws Error naming the file and the place in it.
nlohmann::json read_json_file(const std::string& path);

// Writes beside `path` and renames. Throws Error naming the file.
void write_text_file(const std::string& path, std::string_view text);

}  // namespace phalanx::data
