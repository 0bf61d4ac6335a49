// Spool: numbers appended to a temporary file until their count is known. HDF5 wants to know the size of a contiguous
// data set when it is made, and memory is no place for a shard.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/file.h"

namespace phalanx::data {

template <class T>
class Spool {
 public:
  // The file is removed at once, so that nothing stays behind whatever happens.
  explicit Spool(const std::string& path);

  void append(T value);
  [[nodiscard]] std::int64_t size() const { return flushed_ + static_cast<std::int64_t>(pending_.size()); }
  // Drops everything from element `size` on.
  void truncate(std::int64_t size);
  void read(std::int64_t first, std::span<T> values);

 private:
  static constexpr std::int64_t kElement = sizeof(T);
  static constexpr std::size_t kPending = (std::size_t{256} << 10) / sizeof(T);
  void flush();

  File file_;
  std::vector<T> pending_;
  std::int64_t flushed_ = 0;  // elements in the file
};

}  // namespace phalanx::data
