// POSIX files.
#include "data/raw_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace phalanx::data {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw Error(str(path, ": ", what, ": ", std::strerror(errno)));
}

// A large data set has more shards than the usual soft limit allows open files; the hard limit is mostly far higher.
void raise_limit_of_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int open_or_throw(const std::string& path, int flags, const char* what) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EMFILE) {
    raise_limit_of_open_files();
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  }
  if (fd < 0) fail(path, what);
  return fd;
}

}  // namespace

RawFile RawFile::open(const std::string& path) { return {path, open_or_throw(path, O_RDONLY, "cannot open")}; }

RawFile RawFile::create(const std::string& path) {
  return {path, open_or_throw(path, O_RDWR | O_CREAT | O_TRUNC, "cannot create")};
}

RawFile::~RawFile() {
  if (fd_ >= 0) ::close(fd_);
}

RawFile::RawFile(RawFile&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

RawFile& RawFile::operator=(RawFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

void RawFile::read(std::int64_t offset, void* buffer, std::size_t bytes) const {
  auto* out = static_cast<char*>(buffer);
  while (bytes > 0) {
    const ssize_t got = ::pread(fd_, out, bytes, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_, "cannot read");
    if (got == 0) throw Error(str(path_, ": ends at byte ", offset, ", ", bytes, " bytes too early"));
    out += got;
    offset += got;
    bytes -= static_cast<std::size_t>(got);
  }
}

void RawFile::write(std::int64_t offset, const void* buffer, std::size_t bytes) {
  const auto* in = static_cast<const char*>(buffer);
  while (bytes > 0) {
    const ssize_t put = ::pwrite(fd_, in, bytes, offset);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(path_, "cannot write");
    in += put;
    offset += put;
    bytes -= static_cast<std::size_t>(put);
  }
}

std::int64_t RawFile::size() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) fail(path_, "cannot read its size");
  return status.st_size;
}

void RawFile::truncate(std::int64_t bytes) {
  if (::ftruncate(fd_, bytes) != 0) fail(path_, "cannot write");
}

std::string read_text_file(const std::string& path, std::int64_t limit) {
  const RawFile file = RawFile::open(path);
  const std::int64_t bytes = file.size();
  if (bytes > limit) throw Error(str(path, ": larger than ", limit, " bytes"));
  std::string text(static_cast<std::size_t>(bytes), '\0');
  file.read(0, text.data(), text.size());
  return text;
}

void write_text_file(const std::string& path, const std::string& text) {
  RawFile file = RawFile::create(path);
  file.write(0, text.data(), text.size());
  sync_path(path);
}

void sync_path(const std::string& path) {
  const int fd = open_or_throw(path, O_RDONLY, "cannot open");
  const int result = ::fsync(fd);
  const int reason = errno;
  ::close(fd);
  // Some file systems know no fsync of folders.
  if (result != 0 && reason != EINVAL) {
    errno = reason;
    fail(path, "cannot write");
  }
}

}  // namespace phalanx::data
