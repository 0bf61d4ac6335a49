// HDF5 files with 1-D contiguous data sets of numbers, and attributes: all that token shards and checkpoints need. The
// one place that includes libhdf5. Every failure throws Error with the file's name and libhdf5's own message.
// libhdf5 can crash on damaged metadata: check a file's checksum before opening it. It has one lock for all threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace phalanx::data {

enum class Hdf5Type : std::uint8_t { u8, u16, u32, u64, i32, i64, f32, f64 };

std::int64_t bytes_of(Hdf5Type type);
std::string_view name_of(Hdf5Type type);  // "uint16", "float32", ...

template <class T>
struct Hdf5TypeOf;
template <>
struct Hdf5TypeOf<std::uint8_t> {
  static constexpr Hdf5Type value = Hdf5Type::u8;
};
template <>
struct Hdf5TypeOf<std::uint16_t> {
  static constexpr Hdf5Type value = Hdf5Type::u16;
};
template <>
struct Hdf5TypeOf<std::uint32_t> {
  static constexpr Hdf5Type value = Hdf5Type::u32;
};
template <>
struct Hdf5TypeOf<std::uint64_t> {
  static constexpr Hdf5Type value = Hdf5Type::u64;
};
template <>
struct Hdf5TypeOf<std::int32_t> {
  static constexpr Hdf5Type value = Hdf5Type::i32;
};
template <>
struct Hdf5TypeOf<std::int64_t> {
  static constexpr Hdf5Type value = Hdf5Type::i64;
};
template <>
struct Hdf5TypeOf<float> {
  static constexpr Hdf5Type value = Hdf5Type::f32;
};
template <>
struct Hdf5TypeOf<double> {
  static constexpr Hdf5Type value = Hdf5Type::f64;
};

// Owns one libhdf5 identifier; move-only.
class Hdf5Handle {
 public:
  using Close = int (*)(std::int64_t);
  Hdf5Handle() = default;
  Hdf5Handle(std::int64_t id, Close close) : id_(id), close_(close) {}
  ~Hdf5Handle() { reset(); }
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(other.release()), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept;
  [[nodiscard]] std::int64_t id() const { return id_; }
  std::int64_t release();
  void reset();  // closes; a failure is dropped

 private:
  std::int64_t id_ = -1;
  Close close_ = nullptr;
};

// Attributes of a file's root or of a data set. A reader refuses an attribute that is missing, of another class, or
// larger than 1 MiB.
class Hdf5Object {
 public:
  void set_attribute(const std::string& name, const std::string& value);
  void set_attribute(const std::string& name, std::int64_t value);
  void set_attribute(const std::string& name, std::span<const std::int64_t> values);

  [[nodiscard]] std::string string_attribute(const std::string& name) const;
  [[nodiscard]] std::int64_t integer_attribute(const std::string& name) const;
  [[nodiscard]] std::vector<std::int64_t> integers_attribute(const std::string& name) const;

 protected:
  Hdf5Object(Hdf5Handle handle, std::string where) : handle_(std::move(handle)), where_(std::move(where)) {}
  Hdf5Handle handle_;
  std::string where_;  // "file" or "file:/data_set", for messages
};

class Hdf5Dataset : public Hdf5Object {
 public:
  [[nodiscard]] std::int64_t size() const { return size_; }  // elements
  [[nodiscard]] Hdf5Type type() const { return type_; }      // on disk, little-endian
  // Where the elements lie in the file, so that they can be read by pread. Throws unless contiguous and allocated;
  // an empty data set has no place: 0.
  [[nodiscard]] std::int64_t file_offset() const;

  // Elements [first, first + values.size()); T must be the type on disk.
  template <class T>
  void write(std::int64_t first, std::span<const T> values) {
    write_raw(first, values.data(), static_cast<std::int64_t>(values.size()), Hdf5TypeOf<T>::value);
  }
  template <class T>
  void read(std::int64_t first, std::span<T> values) const {
    read_raw(first, values.data(), static_cast<std::int64_t>(values.size()), Hdf5TypeOf<T>::value);
  }

 private:
  friend class Hdf5File;
  Hdf5Dataset(Hdf5Handle handle, std::string where, std::int64_t size, Hdf5Type type);
  void check_range(std::int64_t first, std::int64_t count, Hdf5Type type) const;
  void write_raw(std::int64_t first, const void* values, std::int64_t count, Hdf5Type type);
  void read_raw(std::int64_t first, void* values, std::int64_t count, Hdf5Type type) const;

  std::int64_t size_ = 0;
  Hdf5Type type_ = Hdf5Type::u8;
};

class Hdf5File : public Hdf5Object {  // its attributes are those of the root group
 public:
  static Hdf5File create(const std::string& path);  // replaces an existing file
  static Hdf5File open(const std::string& path);    // read-only, without file locks

  // Contiguous, its place in the file allocated now and not filled.
  Hdf5Dataset create_dataset(const std::string& name, Hdf5Type type, std::int64_t size);
  // Throws unless 1-D, contiguous, of a type above, and wholly inside the file.
  [[nodiscard]] Hdf5Dataset dataset(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> dataset_names() const;  // of the root group, sorted

  // Writes everything and closes; throws if that fails, which the destructor cannot. Close data sets first.
  void close();

 private:
  Hdf5File(Hdf5Handle file, Hdf5Handle root, std::string path);
  Hdf5Handle file_;
};

}  // namespace phalanx::data
