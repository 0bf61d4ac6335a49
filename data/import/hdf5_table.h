// Hdf5Table: a data set of integers of one or two dimensions, of any layout and width, read row by row as int32: what
// HDF5 files of others hold. libhdf5 may crash on a damaged file: read it in a ChildStream.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/hdf5_file.h"

namespace phalanx::data {

class Hdf5Table {
 public:
  static constexpr std::int64_t kMaxColumns = 65536;
  static constexpr std::int64_t kMaxChunkBytes = std::int64_t{256} << 20;

  // Data set `name` of the file. Throws Error naming both if it is missing, holds no integers, has other dimensions,
  // too long rows or chunks, or claims more rows than its bytes in the file can hold.
  Hdf5Table(const std::string& path, const std::string& name);

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t columns() const { return columns_; }  // 1 where it has one dimension

  // Row `row` (columns()), valid until the next call. Numbers beyond int32 become its least or largest one.
  const std::int32_t* row(std::int64_t row);

 private:
  void check_layout();
  void read_block(std::int64_t first);

  std::string path_, where_;
  Hdf5Handle file_, dataset_;
  int dimensions_ = 0;
  std::int64_t rows_ = 0, columns_ = 1;
  std::int64_t block_begin_ = 0, block_rows_ = 0;
  std::vector<std::int32_t> block_;
};

}  // namespace phalanx::data
