#include "trainer/hf/safetensors.h"

#include <array>
#include <utility>

#include "core/check.h"

namespace phalanx::hf {
namespace {

SafetensorsHeader read_header(const File& file, std::int64_t& data_begin) {
  const std::int64_t bytes = file.bytes();
  if (bytes < kLengthBytes) throw Error(str(file.path(), ": is no safetensors file: it has ", bytes, " bytes"));
  std::array<unsigned char, kLengthBytes> first{};
  file.read(first.data(), kLengthBytes, 0);
  try {
    std::string text(static_cast<std::size_t>(header_length(first.data(), bytes)), '\0');
    data_begin = kLengthBytes + static_cast<std::int64_t>(text.size());
    file.read(text.data(), data_begin - kLengthBytes, kLengthBytes);
    return parse_header(text, bytes - data_begin);
  } catch (const Error& error) {
    throw Error(str(file.path(), ": ", error.what()));
  }
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path)
    : file_(File::open_for_reading(path)), header_(read_header(file_, data_begin_)) {}

void SafetensorsFile::read(void* to, const TensorInfo& tensor, std::int64_t from, std::int64_t bytes) const {
  ENSURE(from >= 0 && bytes >= 0 && from + bytes <= tensor.end - tensor.begin, file_.path(), ": ", tensor.name, ": ",
         bytes, " bytes from ", from, " of ", tensor.end - tensor.begin);
  file_.read(to, bytes, data_begin_ + tensor.begin + from);
}

SafetensorsWriter::SafetensorsWriter(const std::string& path, std::vector<TensorInfo> tensors)
    : file_(File::create(path)) {
  // Readers that look at "format" refuse files without it, or take them for another framework's.
  SafetensorsHeader header{std::move(tensors), {{"format", "pt"}}};
  const std::string text = lay_out(header);
  next_ = static_cast<std::int64_t>(text.size());
  end_ = next_ + (header.tensors.empty() ? 0 : header.tensors.back().end);
  file_.reserve(end_);
  file_.write(text.data(), next_, 0);
}

void SafetensorsWriter::append(const void* from, std::int64_t bytes) {
  ENSURE(bytes >= 0 && bytes <= end_ - next_, file_.path(), ": ", bytes, " bytes beyond its last tensor");
  file_.write(from, bytes, next_);
  next_ += bytes;
}

void SafetensorsWriter::finish() {
  ENSURE(next_ == end_, file_.path(), ": ", end_ - next_, " bytes of its tensors were not written");
  file_.sync();
  file_.close();
}

}  // namespace phalanx::hf
