// libhdf5 behind the classes of hdf5_file.h: files and data sets. Attributes are in hdf5_attributes.cpp.
#include "data/hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <filesystem>

#include "core/check.h"
#include "data/hdf5_call.h"

namespace phalanx::data {
namespace {

static_assert(sizeof(hid_t) == sizeof(std::int64_t));

hid_t disk_type(Hdf5Type type) {
  switch (type) {
    case Hdf5Type::u8: return H5T_STD_U8LE;
    case Hdf5Type::u16: return H5T_STD_U16LE;
    case Hdf5Type::u32: return H5T_STD_U32LE;
    case Hdf5Type::u64: return H5T_STD_U64LE;
    case Hdf5Type::i32: return H5T_STD_I32LE;
    case Hdf5Type::i64: return H5T_STD_I64LE;
    case Hdf5Type::f32: return H5T_IEEE_F32LE;
    case Hdf5Type::f64: return H5T_IEEE_F64LE;
  }
  return -1;
}

hid_t memory_type(Hdf5Type type) {
  switch (type) {
    case Hdf5Type::u8: return H5T_NATIVE_UINT8;
    case Hdf5Type::u16: return H5T_NATIVE_UINT16;
    case Hdf5Type::u32: return H5T_NATIVE_UINT32;
    case Hdf5Type::u64: return H5T_NATIVE_UINT64;
    case Hdf5Type::i32: return H5T_NATIVE_INT32;
    case Hdf5Type::i64: return H5T_NATIVE_INT64;
    case Hdf5Type::f32: return H5T_NATIVE_FLOAT;
    case Hdf5Type::f64: return H5T_NATIVE_DOUBLE;
  }
  return -1;
}

constexpr Hdf5Type kTypes[] = {Hdf5Type::u8,  Hdf5Type::u16, Hdf5Type::u32, Hdf5Type::u64,
                               Hdf5Type::i32, Hdf5Type::i64, Hdf5Type::f32, Hdf5Type::f64};

Hdf5Type type_of(hid_t dataset, const std::string& where) {
  const Hdf5Handle type(hdf5_ok(H5Dget_type(dataset), where, "cannot read the type"), H5Tclose);
  for (const Hdf5Type candidate : kTypes) {
    if (H5Tequal(type.id(), disk_type(candidate)) > 0) return candidate;
  }
  throw Error(str(where, ": elements must be little-endian integers or floats"));
}

Hdf5Handle slab(std::int64_t size, std::int64_t first, std::int64_t count, const std::string& where) {
  const auto total = static_cast<hsize_t>(size);
  const auto start = static_cast<hsize_t>(first);
  const auto n = static_cast<hsize_t>(count);
  Hdf5Handle space(hdf5_ok(H5Screate_simple(1, &total, nullptr), where, "cannot describe its size"), H5Sclose);
  hdf5_ok(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &start, nullptr, &n, nullptr), where,
          "cannot select a range");
  return space;
}

Hdf5Handle line(std::int64_t count, const std::string& where) {
  const auto n = static_cast<hsize_t>(count);
  return {hdf5_ok(H5Screate_simple(1, &n, nullptr), where, "cannot describe a size"), H5Sclose};
}

// Access without locks, which network file systems may refuse: a file has one writer, under a name that nobody reads
// yet, and does not change once it is finished. The variable HDF5_USE_FILE_LOCKING, where set, has the last word.
Hdf5Handle unlocked(const std::string& path) {
  Hdf5Handle access(hdf5_ok(H5Pcreate(H5P_FILE_ACCESS), path, "cannot set how to open"), H5Pclose);
  hdf5_ok(H5Pset_file_locking(access.id(), false, true), path, "cannot set how to open");
  return access;
}

}  // namespace

std::int64_t bytes_of(Hdf5Type type) {
  switch (type) {
    case Hdf5Type::u8: return 1;
    case Hdf5Type::u16: return 2;
    case Hdf5Type::u32:
    case Hdf5Type::i32:
    case Hdf5Type::f32: return 4;
    case Hdf5Type::u64:
    case Hdf5Type::i64:
    case Hdf5Type::f64: return 8;
  }
  return 0;
}

std::string_view name_of(Hdf5Type type) {
  switch (type) {
    case Hdf5Type::u8: return "uint8";
    case Hdf5Type::u16: return "uint16";
    case Hdf5Type::u32: return "uint32";
    case Hdf5Type::u64: return "uint64";
    case Hdf5Type::i32: return "int32";
    case Hdf5Type::i64: return "int64";
    case Hdf5Type::f32: return "float32";
    case Hdf5Type::f64: return "float64";
  }
  return "unknown";
}

Hdf5Handle& Hdf5Handle::operator=(Hdf5Handle&& other) noexcept {
  if (this != &other) {
    reset();
    close_ = other.close_;
    id_ = other.release();
  }
  return *this;
}

std::int64_t Hdf5Handle::release() {
  const std::int64_t id = id_;
  id_ = -1;
  return id;
}

void Hdf5Handle::reset() {
  if (id_ >= 0) {
    hdf5_quiet();
    close_(id_);
  }
  id_ = -1;
}

Hdf5Dataset::Hdf5Dataset(Hdf5Handle handle, std::string where, std::int64_t size, Hdf5Type type)
    : Hdf5Object(std::move(handle), std::move(where)), size_(size), type_(type) {}

std::int64_t Hdf5Dataset::file_offset() const {
  hdf5_quiet();
  if (size_ == 0) return 0;
  const haddr_t offset = H5Dget_offset(handle_.id());
  if (offset == HADDR_UNDEF) throw Error(str(where_, ": must be contiguous and allocated"));
  return static_cast<std::int64_t>(offset);
}

void Hdf5Dataset::check_range(std::int64_t first, std::int64_t count, Hdf5Type type) const {
  if (type != type_) throw Error(str(where_, ": expected elements of ", name_of(type), ", found ", name_of(type_)));
  if (first < 0 || count < 0 || count > size_ || first > size_ - count) {
    throw Error(str(where_, ": elements [", first, ", ", first, " + ", count, ") are outside its ", size_));
  }
}

void Hdf5Dataset::write_raw(std::int64_t first, const void* values, std::int64_t count, Hdf5Type type) {
  hdf5_quiet();
  check_range(first, count, type);
  if (count == 0) return;
  const Hdf5Handle in_file = slab(size_, first, count, where_);
  const Hdf5Handle in_memory = line(count, where_);
  hdf5_ok(H5Dwrite(handle_.id(), memory_type(type), in_memory.id(), in_file.id(), H5P_DEFAULT, values), where_,
          "cannot write");
}

void Hdf5Dataset::read_raw(std::int64_t first, void* values, std::int64_t count, Hdf5Type type) const {
  hdf5_quiet();
  check_range(first, count, type);
  if (count == 0) return;
  const Hdf5Handle in_file = slab(size_, first, count, where_);
  const Hdf5Handle in_memory = line(count, where_);
  hdf5_ok(H5Dread(handle_.id(), memory_type(type), in_memory.id(), in_file.id(), H5P_DEFAULT, values), where_,
          "cannot read");
}

Hdf5File::Hdf5File(Hdf5Handle file, Hdf5Handle root, std::string path)
    : Hdf5Object(std::move(root), std::move(path)), file_(std::move(file)) {}

Hdf5File Hdf5File::create(const std::string& path) {
  hdf5_quiet();
  const Hdf5Handle access = unlocked(path);
  Hdf5Handle file(hdf5_ok(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()), path, "cannot create"),
                  H5Fclose);
  Hdf5Handle root(hdf5_ok(H5Gopen2(file.id(), "/", H5P_DEFAULT), path, "cannot open its root"), H5Gclose);
  return {std::move(file), std::move(root), path};
}

Hdf5File Hdf5File::open(const std::string& path) {
  hdf5_quiet();
  const Hdf5Handle access = unlocked(path);
  Hdf5Handle file(hdf5_ok(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), path, "cannot open as HDF5"), H5Fclose);
  Hdf5Handle root(hdf5_ok(H5Gopen2(file.id(), "/", H5P_DEFAULT), path, "cannot open its root"), H5Gclose);
  return {std::move(file), std::move(root), path};
}

Hdf5Dataset Hdf5File::create_dataset(const std::string& name, Hdf5Type type, std::int64_t size) {
  hdf5_quiet();
  const std::string where = str(where_, ":/", name);
  ENSURE(size >= 0, where, ": size ", size);
  const Hdf5Handle space = line(size, where);
  const Hdf5Handle how(hdf5_ok(H5Pcreate(H5P_DATASET_CREATE), where, "cannot describe"), H5Pclose);
  hdf5_ok(H5Pset_layout(how.id(), H5D_CONTIGUOUS), where, "cannot be contiguous");
  hdf5_ok(H5Pset_alloc_time(how.id(), H5D_ALLOC_TIME_EARLY), where, "cannot be allocated early");
  hdf5_ok(H5Pset_fill_time(how.id(), H5D_FILL_TIME_NEVER), where, "cannot be left unfilled");
  // Without time stamps equal contents are equal files.
  hdf5_ok(H5Pset_obj_track_times(how.id(), false), where, "cannot be without time stamps");
  Hdf5Handle made(
      hdf5_ok(H5Dcreate2(handle_.id(), name.c_str(), disk_type(type), space.id(), H5P_DEFAULT, how.id(), H5P_DEFAULT),
              where, "cannot create"),
      H5Dclose);
  return {std::move(made), where, size, type};
}

Hdf5Dataset Hdf5File::dataset(const std::string& name) const {
  hdf5_quiet();
  const std::string where = str(where_, ":/", name);
  Hdf5Handle found(hdf5_ok(H5Dopen2(handle_.id(), name.c_str(), H5P_DEFAULT), where, "no such data set"), H5Dclose);
  const Hdf5Handle space(hdf5_ok(H5Dget_space(found.id()), where, "cannot read its shape"), H5Sclose);
  const Hdf5Handle how(hdf5_ok(H5Dget_create_plist(found.id()), where, "cannot read its layout"), H5Pclose);
  if (H5Sget_simple_extent_type(space.id()) != H5S_SIMPLE || H5Sget_simple_extent_ndims(space.id()) != 1) {
    throw Error(str(where, ": must have one dimension"));
  }
  if (H5Pget_layout(how.id()) != H5D_CONTIGUOUS || H5Pget_external_count(how.id()) != 0) {
    throw Error(str(where, ": must be contiguous and inside the file"));
  }
  hsize_t size = 0;
  hdf5_ok(H5Sget_simple_extent_dims(space.id(), &size, nullptr), where, "cannot read its size");
  const Hdf5Type type = type_of(found.id(), where);
  const auto limit = std::filesystem::file_size(where_) / static_cast<std::uintmax_t>(bytes_of(type));
  if (size > limit) throw Error(str(where, ": claims ", size, " elements, more than the file holds"));
  Hdf5Dataset dataset{std::move(found), where, static_cast<std::int64_t>(size), type};
  const auto end = static_cast<std::uintmax_t>(dataset.file_offset() + dataset.size() * bytes_of(type));
  if (end > std::filesystem::file_size(where_)) throw Error(str(where, ": ends beyond the end of the file"));
  return dataset;
}

std::vector<std::string> Hdf5File::dataset_names() const {
  hdf5_quiet();
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    return 0;
  };
  hdf5_ok(H5Literate(handle_.id(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, add, &names), where_,
          "cannot list data sets");
  std::sort(names.begin(), names.end());
  return names;
}

void Hdf5File::close() {
  hdf5_quiet();
  const auto open = hdf5_ok(H5Fget_obj_count(file_.id(), H5F_OBJ_DATASET), where_, "cannot close");
  ENSURE(open == 0, where_, ": ", open, " data sets are still open");
  hdf5_ok(H5Fflush(file_.id(), H5F_SCOPE_LOCAL), where_, "cannot write");
  hdf5_ok(H5Gclose(handle_.release()), where_, "cannot close");
  hdf5_ok(H5Fclose(file_.release()), where_, "cannot close");
}

}  // namespace phalanx::data
