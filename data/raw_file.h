// A file by its descriptor: whole reads and writes at a place, every failure an Error naming the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace phalanx::data {

class RawFile {
 public:
  static RawFile open(const std::string& path);    // read-only
  static RawFile create(const std::string& path);  // read and write; replaces an existing file
  ~RawFile();
  RawFile(RawFile&& other) noexcept;
  RawFile& operator=(RawFile&& other) noexcept;

  // Throws if the file ends before `offset` + `bytes`. Thread-safe.
  void read(std::int64_t offset, void* buffer, std::size_t bytes) const;
  void write(std::int64_t offset, const void* buffer, std::size_t bytes);
  [[nodiscard]] std::int64_t size() const;
  void truncate(std::int64_t bytes);
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  RawFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

// The whole of a text file of at most `limit` bytes.
std::string read_text_file(const std::string& path, std::int64_t limit);
// Replaces the file and makes it durable.
void write_text_file(const std::string& path, const std::string& text);
// Makes a file, or the names in a folder, durable (fsync).
void sync_path(const std::string& path);

}  // namespace phalanx::data
