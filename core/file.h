// Files that survive a crash: write, fsync, rename, and errors that name the file and say what the system said.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace phalanx {

// An open file; closed at the end of its scope.
class File {
 public:
  static File open_for_reading(const std::string& path);
  // Opens for reading and writing; the file must exist.
  static File open_for_update(const std::string& path);
  // Creates or empties the file; for reading and writing.
  static File create(const std::string& path);
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::int64_t bytes() const;  // size of the file
  // All of `bytes` at `offset`, or an Error (a short file too). Thread-safe.
  void read(void* to, std::int64_t bytes, std::int64_t offset) const;
  void write(const void* from, std::int64_t bytes, std::int64_t offset) const;
  void truncate(std::int64_t bytes) const;
  // Claims disk space for the first `bytes`, so that a full disk is found before anything is written. File systems
  // that cannot do so are left alone.
  void reserve(std::int64_t bytes) const;
  // Tells the kernel to begin writing to disk; does not wait.
  void start_writeback() const;
  void sync() const;  // fsync
  // Closes and reports what the system said about it.
  void close();

 private:
  File(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  static File open(const std::string& path, int flags);

  std::string path_;
  int descriptor_ = -1;
};

// Throws Error "<path>: cannot <verb>: <what the system says of errno>".
[[noreturn]] void throw_errno(const std::string& path, std::string_view verb);

// Whole text of a file; larger than `limit` bytes is an Error.
std::string read_text(const std::string& path, std::int64_t limit);
// Writes and fsyncs.
void write_text(const std::string& path, std::string_view text);
// The same beside `path`, then renamed to it: a reader sees the old text or the new one.
void replace_text(const std::string& path, std::string_view text);
// Bytes that this user may still write where `path` lies; -1: unknown.
std::int64_t free_bytes(const std::string& path);
// Makes what a file holds durable.
void sync_file(const std::string& path);
// Makes the entries of a folder durable.
void sync_folder(const std::string& path);

}  // namespace phalanx
