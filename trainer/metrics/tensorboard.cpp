#include "trainer/metrics/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/check.h"
#include "core/crc32c.h"
#include "core/file.h"
#include "core/host.h"
#include "core/log.h"

namespace phalanx {
namespace {

// Bytes of a number, the lowest first.
template <class T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  for (std::size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

// A message of protocol buffers under construction.
class Message {
 public:
  Message& fixed64(int field, double value) {
    return key(field, 1).append(little_endian(std::bit_cast<std::uint64_t>(value)));
  }
  Message& fixed32(int field, float value) {
    return key(field, 5).append(little_endian(std::bit_cast<std::uint32_t>(value)));
  }
  Message& varint(int field, std::uint64_t value) { return key(field, 0).append(varint_of(value)); }
  Message& bytes(int field, std::string_view value) {
    return key(field, 2).append(varint_of(value.size())).append(value);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static std::string varint_of(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    return bytes + static_cast<char>(value);
  }
  Message& key(int field, int wire_type) {
    return append(varint_of(static_cast<std::uint64_t>(field << 3 | wire_type)));
  }
  Message& append(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }

  std::string text_;
};

// Fields of Event.
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
// Of Summary, its Value, and SessionLog.
constexpr int kValue = 1, kTag = 1, kSimpleValue = 2, kStatus = 1;
constexpr std::uint64_t kStart = 1;  // SessionLog.START

Message event_at(double time, std::int64_t step) {
  return Message().fixed64(kWallTime, time).varint(kStep, static_cast<std::uint64_t>(step));
}

std::string checksum(std::string_view bytes) {
  constexpr std::uint32_t kMask = 0xa282ead8;
  return little_endian(std::rotr(crc32c(bytes.data(), bytes.size()), 15) + kMask);
}

std::string new_file_name(const std::string& folder, double time) {
  return str(folder, "/events.out.tfevents.", static_cast<std::int64_t>(time), ".", host_name(), ".", ::getpid());
}

}  // namespace

std::string tensorboard_record(std::string_view bytes) {
  const std::string length = little_endian(static_cast<std::uint64_t>(bytes.size()));
  return length + checksum(length) + std::string(bytes) + checksum(bytes);
}

TensorBoardWriter::TensorBoardWriter(const std::string& folder, double time) : path_(new_file_name(folder, time)) {
  std::error_code ignored;  // opening the file tells what is wrong
  std::filesystem::create_directories(folder, ignored);
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) throw_errno(path_, "create");
  write(Message().fixed64(kWallTime, time).bytes(kFileVersion, "brain.Event:2").text());
}

TensorBoardWriter::~TensorBoardWriter() {
  if (file_ >= 0) ::close(file_);
}

void TensorBoardWriter::resume(std::int64_t step, double time) {
  const Message start = Message().varint(kStatus, kStart);
  write(event_at(time, step + 1).bytes(kSessionLog, start.text()).text());
}

void TensorBoardWriter::scalars(std::int64_t step, double time, const Scalars& values) {
  Message summary;
  for (const auto& [tag, value] : values) {
    summary.bytes(kValue, Message().bytes(kTag, tag).fixed32(kSimpleValue, static_cast<float>(value)).text());
  }
  write(event_at(time, step).bytes(kSummary, summary.text()).text());
}

void TensorBoardWriter::write(const std::string& event) {
  if (file_ < 0) return;
  const std::string record = tensorboard_record(event);
  ssize_t written = 0;
  do written = ::write(file_, record.data(), record.size());
  while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(record.size())) return;
  log::warning("cannot write ", path_, ": ", std::strerror(written < 0 ? errno : ENOSPC),
               "; training goes on without TensorBoard files");
  ::close(file_);
  file_ = -1;
}

}  // namespace phalanx
