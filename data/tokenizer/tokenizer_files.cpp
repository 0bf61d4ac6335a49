#include "data/tokenizer/tokenizer_files.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/file.h"
#include "data/json_reason.h"

namespace phalanx::data {

using nlohmann::json;

std::string in_folder(const std::string& folder, const char* file) {
  return (std::filesystem::path(folder) / file).string();
}

json read_json_file(const std::string& path) {
  try {
    return json::parse(read_text(path, kLargestTokenizerFile));
  } catch (const json::exception& error) {
    throw Error(str(path, ": not valid JSON: ", json_reason(error)));
  }
}

json token_content(const json& token) {
  return token.is_object() && token.contains("content") ? json(token["content"]) : token;
}

}  // namespace phalanx::data
