// Attributes of HDF5 objects, and libhdf5's error messages.
#include <hdf5.h>

#include <algorithm>
#include <span>

#include "core/check.h"
#include "data/hdf5_call.h"
#include "data/hdf5_file.h"

namespace phalanx::data {
namespace {

constexpr std::size_t kMaxAttributeBytes = std::size_t{1} << 20;

struct OpenAttribute {
  Hdf5Handle attribute;
  Hdf5Handle type;
  std::size_t count = 0;  // elements
};

OpenAttribute open_attribute(hid_t object, const std::string& name, const std::string& where) {
  if (H5Aexists(object, name.c_str()) <= 0) throw Error(str(where, ": no attribute '", name, "'"));
  OpenAttribute open;
  open.attribute = {hdf5_ok(H5Aopen(object, name.c_str(), H5P_DEFAULT), where, str("attribute '", name, "'")),
                    H5Aclose};
  open.type = {hdf5_ok(H5Aget_type(open.attribute.id()), where, str("attribute '", name, "'")), H5Tclose};
  const Hdf5Handle space(hdf5_ok(H5Aget_space(open.attribute.id()), where, str("attribute '", name, "'")), H5Sclose);
  const hssize_t count = hdf5_ok(H5Sget_simple_extent_npoints(space.id()), where, str("attribute '", name, "'"));
  const std::size_t element = std::max<std::size_t>(H5Tget_size(open.type.id()), 8);
  if (static_cast<std::size_t>(count) > kMaxAttributeBytes / element) {
    throw Error(str(where, ": attribute '", name, "' is larger than ", kMaxAttributeBytes, " bytes"));
  }
  open.count = static_cast<std::size_t>(count);
  return open;
}

void write_attribute(hid_t object, const std::string& name, hid_t type, hid_t memory, hid_t space, const void* value,
                     const std::string& where) {
  const std::string what = str("cannot write attribute '", name, "'");
  if (H5Aexists(object, name.c_str()) > 0) hdf5_ok(H5Adelete(object, name.c_str()), where, what);
  const Hdf5Handle made(hdf5_ok(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), where, what),
                        H5Aclose);
  hdf5_ok(H5Awrite(made.id(), memory, value), where, what);
}

// The first line of libhdf5's message without the figures of the failed call, and the system's reason if it has one.
std::string shortened(const std::string& message) {
  constexpr std::string_view kReason = "error message = '";
  std::string text = message.substr(0, std::min(message.find('\n'), message.find(": time = ")));
  const std::size_t reason = message.find(kReason);
  if (reason == std::string::npos) return text;
  const std::size_t begin = reason + kReason.size();
  return str(text, ": ", message.substr(begin, message.find('\'', begin) - begin));
}

}  // namespace

void hdf5_quiet() {
  thread_local bool done = false;
  if (done) return;
  // A file whose last write fails (a full disk) leaves a dangling identifier, on which libhdf5's own exit handler
  // crashes. Handles close everything, so nothing is left for it to do. Only the first call of a process counts.
  H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  done = true;
}

void throw_hdf5_error(std::string_view where, std::string_view what) {
  std::string message;
  // Walking upwards starts at the innermost call, which knows best what went wrong.
  const auto first = [](unsigned n, const H5E_error2_t* error, void* out) -> herr_t {
    if (n == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first, &message);
  throw Error(str(where, ": ", what, message.empty() ? "" : ": ", shortened(message)));
}

void Hdf5Object::set_attribute(const std::string& name, const std::string& value) {
  hdf5_quiet();
  const Hdf5Handle type(hdf5_ok(H5Tcopy(H5T_C_S1), where_, "cannot describe a string"), H5Tclose);
  hdf5_ok(H5Tset_size(type.id(), std::max<std::size_t>(value.size(), 1)), where_, "cannot describe a string");
  hdf5_ok(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), where_, "cannot describe a string");
  hdf5_ok(H5Tset_cset(type.id(), H5T_CSET_UTF8), where_, "cannot describe a string");
  const Hdf5Handle space(hdf5_ok(H5Screate(H5S_SCALAR), where_, "cannot describe a scalar"), H5Sclose);
  const std::string padded = value.empty() ? std::string(1, '\0') : value;
  write_attribute(handle_.id(), name, type.id(), type.id(), space.id(), padded.data(), where_);
}

void Hdf5Object::set_attribute(const std::string& name, std::int64_t value) {
  hdf5_quiet();
  const Hdf5Handle space(hdf5_ok(H5Screate(H5S_SCALAR), where_, "cannot describe a scalar"), H5Sclose);
  write_attribute(handle_.id(), name, H5T_STD_I64LE, H5T_NATIVE_INT64, space.id(), &value, where_);
}

void Hdf5Object::set_attribute(const std::string& name, std::span<const std::int64_t> values) {
  hdf5_quiet();
  const hsize_t count = values.size();
  const Hdf5Handle space(hdf5_ok(H5Screate_simple(1, &count, nullptr), where_, "cannot describe a size"), H5Sclose);
  write_attribute(handle_.id(), name, H5T_STD_I64LE, H5T_NATIVE_INT64, space.id(), values.data(), where_);
}

std::string Hdf5Object::string_attribute(const std::string& name) const {
  hdf5_quiet();
  const OpenAttribute open = open_attribute(handle_.id(), name, where_);
  const std::size_t bytes = H5Tget_size(open.type.id());
  if (H5Tget_class(open.type.id()) != H5T_STRING || H5Tis_variable_str(open.type.id()) != 0 || open.count != 1 ||
      bytes > kMaxAttributeBytes) {
    throw Error(str(where_, ": attribute '", name, "' must be one string of fixed length"));
  }
  std::string value(bytes, '\0');
  hdf5_ok(H5Aread(open.attribute.id(), open.type.id(), value.data()), where_,
          str("cannot read attribute '", name, "'"));
  value.resize(value.find_last_not_of('\0') + 1);
  return value;
}

std::vector<std::int64_t> Hdf5Object::integers_attribute(const std::string& name) const {
  hdf5_quiet();
  const OpenAttribute open = open_attribute(handle_.id(), name, where_);
  if (H5Tget_class(open.type.id()) != H5T_INTEGER) {
    throw Error(str(where_, ": attribute '", name, "' must be an integer"));
  }
  std::vector<std::int64_t> values(open.count);
  hdf5_ok(H5Aread(open.attribute.id(), H5T_NATIVE_INT64, values.data()), where_,
          str("cannot read attribute '", name, "'"));
  return values;
}

std::int64_t Hdf5Object::integer_attribute(const std::string& name) const {
  const std::vector<std::int64_t> values = integers_attribute(name);
  if (values.size() != 1) throw Error(str(where_, ": attribute '", name, "' must be one integer"));
  return values[0];
}

}  // namespace phalanx::data
