// OffsetTable: the ascending offsets of one data set of a shard (where documents begin, where sentences begin), found
// by a read of a page: one in 512 is kept in memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/file.h"

namespace phalanx::data {

class OffsetTable {
 public:
  OffsetTable() = default;
  // `entries` uint64 at byte `place` of `file`, which must live as long. Reads all of them; throws Error naming the
  // file unless they begin at 0, ascend, and end with `end`. `what` names them: "document".
  OffsetTable(const File& file, std::int64_t place, std::int64_t entries, std::uint64_t end, const std::string& what);

  [[nodiscard]] std::int64_t entries() const { return entries_; }

  // Entries [first, first + offsets.size()).
  void read(std::int64_t first, std::span<std::uint64_t> offsets) const;

  // Appends the offsets d with first < d < end, ascending.
  void between(std::int64_t first, std::int64_t end, std::vector<std::int64_t>& found) const;

  // The last offset at or below `at`, and the first above it; 0 <= at < end.
  struct Bounds {
    std::int64_t begin = 0, end = 0;
  };
  [[nodiscard]] Bounds around(std::int64_t at) const;

  // Throws Error unless every offset of `part` is one of these.
  void require_includes(const OffsetTable& part) const;

 private:
  [[nodiscard]] std::int64_t page_of(std::int64_t at) const;

  const File* file_ = nullptr;
  std::int64_t place_ = 0;
  std::int64_t entries_ = 0;
  std::string what_;
  std::vector<std::uint64_t> page_begins_;  // every kPage-th offset: finds the page to read
};

}  // namespace phalanx::data
