// StagedFolder: a folder that appears whole under its name, or not at all.
#pragma once

#include <string>

namespace phalanx::hf {

class StagedFolder {
 public:
  // Makes a hidden folder beside `target`. Throws UsageError when something stands at `target` already, or where the
  // folder above it cannot be made.
  explicit StagedFolder(const std::string& target);
  // Removes what was not committed.
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }      // where to write
  [[nodiscard]] const std::string& target() const { return target_; }  // where it will be
  // Gives the folder its name; durable.
  void commit();

 private:
  std::string target_, path_;
};

}  // namespace phalanx::hf
