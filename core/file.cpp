#include "core/file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "core/check.h"

namespace phalanx {
namespace {

constexpr std::int64_t kLargestCall = std::int64_t{1} << 30;  // Linux moves at most 2 GiB per call

// A large data set has more shards than the usual soft limit allows open files; the hard limit is mostly far higher.
void raise_limit_of_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void throw_errno(const std::string& path, std::string_view verb) {
  throw Error(str(path, ": cannot ", verb, ": ", std::generic_category().message(errno)));
}

File File::open(const std::string& path, int flags) {
  int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (descriptor < 0 && errno == EMFILE) {
    raise_limit_of_open_files();
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  }
  if (descriptor < 0) throw_errno(path, "open");
  return {path, descriptor};
}

// O_NONBLOCK: a pipe in place of a file is refused by bytes() and does not hang here.
File File::open_for_reading(const std::string& path) { return open(path, O_RDONLY | O_NONBLOCK); }
File File::open_for_update(const std::string& path) { return open(path, O_RDWR); }
File File::create(const std::string& path) { return open(path, O_RDWR | O_CREAT | O_TRUNC); }

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

File::File(File&& other) noexcept : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

std::int64_t File::bytes() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) throw_errno(path_, "look at");
  if (!S_ISREG(status.st_mode)) throw Error(str(path_, " is not a regular file"));
  return status.st_size;
}

void File::read(void* to, std::int64_t bytes, std::int64_t offset) const {
  auto* at = static_cast<std::byte*>(to);
  while (bytes > 0) {
    const ssize_t n = ::pread(descriptor_, at, static_cast<std::size_t>(std::min(bytes, kLargestCall)), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(path_, "read");
    if (n == 0) throw Error(str(path_, " ends at byte ", offset, ", ", bytes, " more were expected"));
    at += n, offset += n, bytes -= n;
  }
}

void File::write(const void* from, std::int64_t bytes, std::int64_t offset) const {
  const auto* at = static_cast<const std::byte*>(from);
  while (bytes > 0) {
    const ssize_t n = ::pwrite(descriptor_, at, static_cast<std::size_t>(std::min(bytes, kLargestCall)), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(path_, "write");
    at += n, offset += n, bytes -= n;
  }
}

void File::truncate(std::int64_t bytes) const {
  if (::ftruncate(descriptor_, bytes) != 0) throw_errno(path_, "write");
}

void File::reserve(std::int64_t bytes) const {
  if (bytes <= 0) return;
  int result = 0;
  do {
    result = ::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, 0, bytes);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS) throw_errno(path_, str("reserve ", bytes, " bytes"));
}

void File::start_writeback() const {
  static_cast<void>(::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE));  // only a hint
}

void File::sync() const {
  if (::fsync(descriptor_) != 0) throw_errno(path_, "sync");
}

void File::close() {
  if (::close(std::exchange(descriptor_, -1)) != 0) throw_errno(path_, "close");
}

std::string read_text(const std::string& path, std::int64_t limit) {
  const File file = File::open_for_reading(path);
  const std::int64_t bytes = file.bytes();
  if (bytes > limit) throw Error(str(path, " has ", bytes, " bytes, more than the ", limit, " such a file may have"));
  std::string text(static_cast<std::size_t>(bytes), '\0');
  file.read(text.data(), bytes, 0);
  return text;
}

void write_text(const std::string& path, std::string_view text) {
  File file = File::create(path);
  file.write(text.data(), static_cast<std::int64_t>(text.size()), 0);
  file.sync();
  file.close();
}

void replace_text(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".tmp";
  try {
    write_text(temporary, text);
    if (std::rename(temporary.c_str(), path.c_str()) != 0) throw_errno(path, "replace");
  } catch (const Error&) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void sync_file(const std::string& path) { File::open_for_reading(path).sync(); }

void sync_folder(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw_errno(path, "open the folder");
  const int result = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  // Some network file systems do not know fsync of a folder.
  if (result != 0 && error != EINVAL && error != ENOTSUP) {
    errno = error;
    throw_errno(path, "sync the folder");
  }
}

std::int64_t free_bytes(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return -1;
  return static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
}

}  // namespace phalanx
