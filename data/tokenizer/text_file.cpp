#include "data/tokenizer/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "data/json_reason.h"

namespace phalanx::data {
namespace {

constexpr std::uintmax_t kLargest = std::uintmax_t{256} << 20;  // bytes

std::string system_reason() { return std::strerror(errno); }

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

std::string read_text_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) throw Error(str(path, ": no such file"));
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) throw Error(str(path, ": ", error.message()));
  if (bytes > kLargest) throw Error(str(path, ": ", bytes, " bytes; a tokenizer's file has at most ", kLargest));
  std::ifstream file(path, std::ios::binary);
  std::string text(bytes, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(bytes))) {
    throw Error(str(path, ": cannot be read: ", system_reason()));
  }
  return text;
}

nlohmann::json read_json_file(const std::string& path) {
  try {
    return nlohmann::json::parse(read_text_file(path));
  } catch (const nlohmann::json::exception& error) {
    throw Error(str(path, ": not valid JSON: ", json_reason(error)));
  }
}

void write_text_file(const std::string& path, std::string_view text) {
  const std::string temporary = str(path, ".tmp", ::getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) throw Error(str(path, ": cannot be written: ", system_reason()));
  const bool written = write_all(file, text) && ::fsync(file) == 0;
  const bool closed = ::close(file) == 0;
  if (written && closed && std::rename(temporary.c_str(), path.c_str()) == 0) return;
  const std::string reason = system_reason();
  ::unlink(temporary.c_str());
  throw Error(str(path, ": cannot be written: ", reason));
}

}  // namespace phalanx::data
