// A temporary folder that all ranks of a test see and rank 0 removes.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/support/mpi_main.h"
#include "trainer/agree.h"

namespace phalanx::testing {

class SharedFolder {
 public:
  explicit SharedFolder(const std::string& name)
      : path_(share_text(test_runtime().world(),
                         (std::filesystem::temp_directory_path() / str(name, "_", getpid())).string())) {}
  ~SharedFolder() {
    if (test_runtime().world_rank() != 0) return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace phalanx::testing
