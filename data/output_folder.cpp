// Write beside, then rename.
#include "data/output_folder.h"

#include <filesystem>
#include <system_error>

#include "core/check.h"
#include "core/file.h"

namespace phalanx::data {

namespace fs = std::filesystem;

OutputFolder::OutputFolder(const std::string& folder, std::vector<std::string> parts)
    : folder_(fs::path(folder).lexically_normal().string()),
      partial_((fs::path(folder_) / "prepare.partial").string()),
      parts_(std::move(parts)) {
  std::error_code error;
  made_folder_ = fs::create_directories(folder_, error);
  if (error || !fs::is_directory(folder_)) {
    throw UsageError(str(folder_, ": cannot be made a folder", error ? ": " + error.message() : ""));
  }
  try {
    lock();
    require_absent();
    make_partial();
  } catch (const std::exception&) {
    clean_up();
    throw;
  }
}

void OutputFolder::make_partial() const {
  try {
    fs::remove_all(partial_);
    for (const std::string& part : parts_) {
      fs::create_directories(partial(part));
      const fs::path probe = fs::path(partial(part)) / "probe";
      File::create(probe.string()).write("x", 1, 0);
      fs::remove(probe);
    }
  } catch (const std::exception& failure) {
    throw UsageError(str(folder_, ": cannot be written: ", failure.what()));
  }
}

void OutputFolder::lock() {
  lock_.emplace(folder_);
  if (lock_->held_elsewhere()) throw UsageError(str(folder_, ": another process is preparing data here"));
}

// A part beside the partial folder and without the first one is what a run left that was killed while it renamed.
void OutputFolder::require_absent() const {
  const bool was_killed = fs::exists(partial_) && !fs::exists(final(parts_.front()));
  for (const std::string& part : parts_) {
    if (!fs::exists(final(part))) continue;
    if (!was_killed) throw UsageError(str(final(part), ": is there already; remove it or choose another --output"));
    fs::remove_all(final(part));
  }
}

OutputFolder::~OutputFolder() { clean_up(); }

void OutputFolder::clean_up() const {
  if (!lock_ || lock_->held_elsewhere()) return;
  std::error_code ignored;
  fs::remove_all(partial_, ignored);
  if (made_folder_) fs::remove(folder_, ignored);  // only if it is empty
}

std::string OutputFolder::partial(const std::string& part) const { return (fs::path(partial_) / part).string(); }

std::string OutputFolder::final(const std::string& part) const { return (fs::path(folder_) / part).string(); }

void OutputFolder::commit() {
  for (std::size_t i = parts_.size(); i-- > 0;) fs::rename(partial(parts_[i]), final(parts_[i]));
  sync_folder(folder_);
}

}  // namespace phalanx::data
