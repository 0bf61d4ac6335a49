// The three byte streams: plain, gzip (zlib), zstd. Each decompressor reads through the plain one.
#include "data/byte_stream.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "core/check.h"

namespace phalanx::data {
namespace {

constexpr std::size_t kInputBytes = std::size_t{128} << 10;

class FileStream : public ByteStream {
 public:
  explicit FileStream(const std::string& path)
      : path_(path == "-" ? "standard input" : path),
        fd_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw Error(str(path_, ": cannot open: ", std::strerror(errno)));
  }
  ~FileStream() override {
    if (fd_ != STDIN_FILENO) ::close(fd_);
  }

  std::size_t read(char* buffer, std::size_t bytes) override {
    std::size_t done = 0;
    while (done < bytes) {
      const ssize_t got = ::read(fd_, buffer + done, bytes - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error(str(path_, ": cannot read: ", std::strerror(errno)));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    bytes_read_ += static_cast<std::int64_t>(done);
    return done;
  }
  [[nodiscard]] std::int64_t file_bytes_read() const override { return bytes_read_; }

 private:
  std::string path_;
  int fd_;
  std::int64_t bytes_read_ = 0;
};

class GzipStream : public ByteStream {
 public:
  explicit GzipStream(const std::string& path) : path_(path), file_(path), input_(kInputBytes) {
    // 32: the header says whether it is gzip or zlib.
    if (inflateInit2(&z_, 15 + 32) != Z_OK) throw Error(str(path_, ": zlib cannot start"));
  }
  ~GzipStream() override { inflateEnd(&z_); }

  std::size_t read(char* buffer, std::size_t bytes) override {
    z_.next_out = reinterpret_cast<Bytef*>(buffer);
    z_.avail_out = static_cast<uInt>(bytes);
    while (z_.avail_out > 0 && (z_.avail_in > 0 || refill())) {
      if (!inside_) inflateReset(&z_);  // another member follows
      inside_ = true;
      const int result = inflate(&z_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        inside_ = false;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        throw Error(str(path_, ": damaged gzip data", z_.msg != nullptr ? str(": ", z_.msg) : ""));
      }
    }
    if (z_.avail_out > 0 && inside_) throw Error(str(path_, ": gzip data is cut off"));
    return bytes - z_.avail_out;
  }
  [[nodiscard]] std::int64_t file_bytes_read() const override { return file_.file_bytes_read(); }

 private:
  bool refill() {
    z_.next_in = reinterpret_cast<Bytef*>(input_.data());
    z_.avail_in = static_cast<uInt>(file_.read(input_.data(), input_.size()));
    return z_.avail_in > 0;
  }

  std::string path_;
  FileStream file_;
  std::vector<char> input_;
  z_stream z_{};
  bool inside_ = true;  // inside a member; an empty file is cut off
};

class ZstdStream : public ByteStream {
 public:
  explicit ZstdStream(const std::string& path)
      : path_(path), file_(path), buffer_(kInputBytes), z_(ZSTD_createDStream(), ZSTD_freeDStream) {
    if (z_ == nullptr) throw Error(str(path_, ": zstd cannot start"));
  }

  std::size_t read(char* buffer, std::size_t bytes) override {
    ZSTD_outBuffer out{buffer, bytes, 0};
    while (out.pos < out.size) {
      if (in_.pos == in_.size && !holds_output_ && !refill()) break;
      const std::size_t before = out.pos;
      const std::size_t result = ZSTD_decompressStream(z_.get(), &out, &in_);
      if (ZSTD_isError(result) != 0) throw Error(str(path_, ": damaged zstd data: ", ZSTD_getErrorName(result)));
      inside_ = result != 0;
      holds_output_ = inside_ && out.pos > before && out.pos == out.size;
    }
    if (out.pos < out.size && inside_) throw Error(str(path_, ": zstd data is cut off"));
    return out.pos;
  }
  [[nodiscard]] std::int64_t file_bytes_read() const override { return file_.file_bytes_read(); }

 private:
  bool refill() {
    in_ = {buffer_.data(), file_.read(buffer_.data(), buffer_.size()), 0};
    return in_.size > 0;
  }

  std::string path_;
  FileStream file_;
  std::vector<char> buffer_;
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> z_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool inside_ = true;         // inside a frame; an empty file is cut off
  bool holds_output_ = false;  // the last buffer was too small for what the decoder had
};

}  // namespace

std::unique_ptr<ByteStream> open_byte_stream(const std::string& path, Compression compression) {
  switch (compression) {
    case Compression::gzip: return std::make_unique<GzipStream>(path);
    case Compression::zstd: return std::make_unique<ZstdStream>(path);
    case Compression::none: break;
  }
  return std::make_unique<FileStream>(path);
}

}  // namespace phalanx::data
