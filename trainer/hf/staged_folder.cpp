#include "trainer/hf/staged_folder.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "core/check.h"
#include "core/file.h"
#include "core/nonce.h"

namespace phalanx::hf {
namespace {

namespace fs = std::filesystem;

// "a/b/" and "a/b" name the same folder.
std::string without_slash(const std::string& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).string();
}

[[noreturn]] void refuse_taken(const std::string& target) {
  throw UsageError(str("--output ", target, ": is there already; remove it or choose another"));
}

}  // namespace

StagedFolder::StagedFolder(const std::string& target) {
  if (target.empty()) throw UsageError("--output is empty; it must name a folder");
  target_ = without_slash(target);
  std::error_code error;
  if (fs::exists(fs::symlink_status(target_, error))) refuse_taken(target);
  const fs::path at = target_;
  path_ = (at.parent_path() / str(".", at.filename().string(), ".tmp-", random_nonce())).string();
  fs::create_directories(path_, error);
  if (error) throw UsageError(str("--output ", target, ": cannot be written: ", error.message()));
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void StagedFolder::commit() {
  sync_folder(path_);
  // A file system that cannot refuse to replace still never replaces a folder that holds something.
  int result = ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE);
  if (result != 0 && errno == EINVAL) result = std::rename(path_.c_str(), target_.c_str());
  if (result != 0 && errno == EEXIST) refuse_taken(target_);
  if (result != 0) throw_errno(target_, str("rename ", path_, " to it"));
  path_.clear();
  sync_folder(fs::path(target_).parent_path().string());
}

}  // namespace phalanx::hf
