// PathLock: an advisory lock between processes, on a folder or a file, for as long as it lives (a killed process
// releases it too). A file system without locks leaves the check to the user.
#pragma once

#include <string>

namespace phalanx {

class PathLock {
 public:
  // Does not wait. A file is made if it is absent. Throws Error when `path` cannot be opened.
  explicit PathLock(const std::string& path);
  ~PathLock();
  PathLock(const PathLock&) = delete;
  PathLock& operator=(const PathLock&) = delete;

  [[nodiscard]] bool held_elsewhere() const { return held_elsewhere_; }

 private:
  int descriptor_ = -1;
  bool held_elsewhere_ = false;
};

}  // namespace phalanx
