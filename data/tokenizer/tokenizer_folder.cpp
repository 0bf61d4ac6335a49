#include "data/tokenizer/tokenizer_folder.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/check.h"

namespace phalanx::data {
namespace {

namespace fs = std::filesystem;

// What tokenizers of any kind are stored in.
constexpr std::array<std::string_view, 7> kFiles = {
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
};

bool is_tokenizer_file(const fs::path& path) {
  return fs::is_regular_file(path) && std::ranges::find(kFiles, path.filename().string()) != kFiles.end();
}

// "a/b/" and "a/b" name the same folder; the temporary one stands beside it.
fs::path without_slash(const std::string& folder) {
  const fs::path path = fs::path(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

// Moves the files of `from` into `to`, and removes those of `to` that `from` does not have.
void replace_files(const fs::path& from, const fs::path& to) {
  for (const std::string_view file : kFiles) {
    if (fs::exists(from / file))
      fs::rename(from / file, to / file);
    else
      fs::remove(to / file);
  }
  fs::remove(from);
}

}  // namespace

void check_tokenizer_folder(const std::string& folder) {
  if (folder.empty()) throw UsageError("--output is empty; it must name a folder");
  if (!fs::exists(folder)) return;
  if (!fs::is_directory(folder)) throw UsageError(str("--output ", folder, ": is a file; it must be a folder"));
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (is_tokenizer_file(entry.path())) continue;
    throw UsageError(str("--output ", folder, ": holds ", entry.path().filename().string(),
                         ", which is no file of a tokenizer; choose an empty or a new folder"));
  }
}

void save_tokenizer_folder(const Tokenizer& tokenizer, const std::string& folder) {
  check_tokenizer_folder(folder);
  const fs::path target = without_slash(folder);
  const fs::path temporary = str(target.string(), ".tmp", ::getpid());
  const auto remove_temporary = [&] {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
  };
  try {
    fs::create_directories(temporary);
    tokenizer.save(temporary.string());
    fs::create_directories(target);
    replace_files(temporary, target);
  } catch (const fs::filesystem_error& error) {
    remove_temporary();
    throw Error(str("--output ", folder, ": cannot be written: ", error.code().message()));
  } catch (const Error& error) {
    remove_temporary();
    throw Error(str("--output ", folder, ": cannot be written: ", error.what()));
  }
}

}  // namespace phalanx::data
