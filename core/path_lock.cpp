#include "core/path_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "core/file.h"

namespace phalanx {

PathLock::PathLock(const std::string& path) {
  // Network file systems lock only what is open for writing, which a folder cannot be.
  const int flags = std::filesystem::is_directory(path) ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT;
  descriptor_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw_errno(path, "open");
  held_elsewhere_ = ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

PathLock::~PathLock() { ::close(descriptor_); }

}  // namespace phalanx
