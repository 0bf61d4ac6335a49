// Blocks of rows by hyperslabs; libhdf5 unpacks the chunks and converts the integers.
#include "data/import/hdf5_table.h"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/check.h"
#include "data/hdf5_call.h"

namespace phalanx::data {
namespace {

constexpr std::int64_t kBlockNumbers = std::int64_t{1} << 18;
// Deflate packs 1,032 bytes into one at most; a chunk of equal numbers comes close.
constexpr std::uint64_t kLargestRatio = 1100;

}  // namespace

Hdf5Table::Hdf5Table(const std::string& path, const std::string& name) : path_(path), where_(str(path, ":/", name)) {
  hdf5_quiet();
  const Hdf5Handle access(hdf5_ok(H5Pcreate(H5P_FILE_ACCESS), path, "cannot set how to open"), H5Pclose);
  hdf5_ok(H5Pset_file_locking(access.id(), false, true), path, "cannot set how to open");
  file_ = {hdf5_ok(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), path, "cannot open as HDF5"), H5Fclose};
  dataset_ = {hdf5_ok(H5Dopen2(file_.id(), name.c_str(), H5P_DEFAULT), where_, "no such data set"), H5Dclose};
  const Hdf5Handle type(hdf5_ok(H5Dget_type(dataset_.id()), where_, "cannot read the type"), H5Tclose);
  if (H5Tget_class(type.id()) != H5T_INTEGER) throw Error(str(where_, ": must hold integers"));
  const Hdf5Handle space(hdf5_ok(H5Dget_space(dataset_.id()), where_, "cannot read its shape"), H5Sclose);
  dimensions_ = H5Sget_simple_extent_ndims(space.id());
  if (dimensions_ != 1 && dimensions_ != 2) throw Error(str(where_, ": must have one or two dimensions"));
  std::array<hsize_t, 2> sizes{0, 1};
  hdf5_ok(H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr), where_, "cannot read its size");
  if (sizes[1] < 1 || sizes[1] > static_cast<hsize_t>(kMaxColumns)) {
    throw Error(str(where_, ": rows of ", sizes[1], " numbers; expected 1 to ", kMaxColumns));
  }
  const hsize_t stored = H5Dget_storage_size(dataset_.id());
  const hsize_t row_bytes = sizes[1] * H5Tget_size(type.id());
  if (stored > std::filesystem::file_size(path) || sizes[0] > stored / row_bytes * kLargestRatio + kLargestRatio) {
    throw Error(str(where_, ": claims ", sizes[0], " rows of ", row_bytes, " bytes, more than the ", stored,
                    " bytes stored in this file of ", std::filesystem::file_size(path), " can hold"));
  }
  rows_ = static_cast<std::int64_t>(sizes[0]);
  columns_ = static_cast<std::int64_t>(sizes[1]);
  check_layout();
}

void Hdf5Table::check_layout() {
  const Hdf5Handle how(hdf5_ok(H5Dget_create_plist(dataset_.id()), where_, "cannot read its layout"), H5Pclose);
  if (H5Pget_external_count(how.id()) != 0 || H5Pget_layout(how.id()) == H5D_VIRTUAL) {
    throw Error(str(where_, ": must lie in this file"));
  }
  if (H5Pget_layout(how.id()) != H5D_CHUNKED) return;
  std::array<hsize_t, 2> chunk{1, 1};
  hdf5_ok(H5Pget_chunk(how.id(), dimensions_, chunk.data()), where_, "cannot read its chunks");
  // Each factor is below 2^32 in the file, so the product of two and 8 bytes is compared by division.
  if (chunk[0] == 0 || chunk[1] == 0 || chunk[0] > static_cast<hsize_t>(kMaxChunkBytes) / 8 / chunk[1]) {
    throw Error(str(where_, ": chunks of ", chunk[0], " x ", chunk[1], " numbers are larger than any writer's"));
  }
}

void Hdf5Table::read_block(std::int64_t first) {
  hdf5_quiet();
  block_rows_ = std::min(std::max<std::int64_t>(kBlockNumbers / columns_, 1), rows_ - first);
  block_.resize(static_cast<std::size_t>(block_rows_ * columns_));
  const std::array<hsize_t, 2> start{static_cast<hsize_t>(first), 0};
  const std::array<hsize_t, 2> count{static_cast<hsize_t>(block_rows_), static_cast<hsize_t>(columns_)};
  const Hdf5Handle in_file(hdf5_ok(H5Dget_space(dataset_.id()), where_, "cannot read its shape"), H5Sclose);
  hdf5_ok(H5Sselect_hyperslab(in_file.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), where_,
          "cannot select rows");
  const Hdf5Handle in_memory(hdf5_ok(H5Screate_simple(dimensions_, count.data(), nullptr), where_, "cannot describe"),
                             H5Sclose);
  hdf5_ok(H5Dread(dataset_.id(), H5T_NATIVE_INT32, in_memory.id(), in_file.id(), H5P_DEFAULT, block_.data()), where_,
          str("cannot read rows from ", first, " on"));
  block_begin_ = first;
}

const std::int32_t* Hdf5Table::row(std::int64_t row) {
  ENSURE(row >= 0 && row < rows_, where_, ": row ", row, " of ", rows_);
  if (row < block_begin_ || row >= block_begin_ + block_rows_) read_block(row);
  return block_.data() + (row - block_begin_) * columns_;
}

}  // namespace phalanx::data
