// What the files of all kinds of tokenizers have in common.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace phalanx::data {

inline constexpr std::int64_t kLargestTokenizerFile = std::int64_t{256} << 20;  // bytes: more than any tokenizer has

std::string in_folder(const std::string& folder, const char* file);

// A file of at most kLargestTokenizerFile, parsed. Throws Error naming the file and the place in it.
nlohmann::json read_json_file(const std::string& path);

// Configurations write a token as a string or as an object with its "content": that content, or what is there instead.
nlohmann::json token_content(const nlohmann::json& token);

}  // namespace phalanx::data
