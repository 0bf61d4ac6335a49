// Problems: what validation found, a sentence each, the key first.
#pragma once

#include <string>
#include <vector>

#include "core/check.h"

namespace phalanx::config {

class Problems {
 public:
  template <class... Args>
  void add(const Args&... args) {
    list_.push_back(str(args...));
  }
  template <class... Args>
  void require(bool condition, const Args&... args) {
    if (!condition) add(args...);
  }
  [[nodiscard]] const std::vector<std::string>& list() const { return list_; }

 private:
  std::vector<std::string> list_;
};

}  // namespace phalanx::config
