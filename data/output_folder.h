// OutputFolder: parts of a result that appear all at once or not at all, under the names they will keep.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/path_lock.h"

namespace phalanx::data {

class OutputFolder {
 public:
  // Makes `folder` and, inside, prepare.partial with one empty folder for each of `parts`. Locks `folder` against other
  // processes. Throws UsageError if a part is there already or the folder cannot be written.
  OutputFolder(const std::string& folder, std::vector<std::string> parts);
  // Removes what was not committed.
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  [[nodiscard]] std::string partial(const std::string& part) const;  // where to write it
  [[nodiscard]] std::string final(const std::string& part) const;    // where it will be
  // Gives all parts their final names, the first part last: where it is, all are. Durable.
  void commit();

 private:
  void lock();
  void require_absent() const;
  void make_partial() const;
  void clean_up() const;

  std::string folder_, partial_;
  std::vector<std::string> parts_;
  bool made_folder_ = false;
  std::optional<PathLock> lock_;
};

}  // namespace phalanx::data
