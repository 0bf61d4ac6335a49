// One buffer, refilled block by block; what has been delivered is dropped when the next block comes.
#include "data/line_reader.h"

#include <algorithm>

#include "core/check.h"

namespace phalanx::data {

LineReader::LineReader(std::unique_ptr<ByteStream> stream, std::string name)
    : stream_(std::move(stream)), name_(std::move(name)) {
  fill();
  if (buffer_.starts_with("\xEF\xBB\xBF")) begin_ = 3;
  if (buffer_.starts_with("\xFF\xFE") || buffer_.starts_with("\xFE\xFF")) {
    throw Error(str(name_, ": is UTF-16; convert it with: iconv -f UTF-16 -t UTF-8"));
  }
}

// Reads one more block behind what is there.
bool LineReader::fill() {
  if (at_end_) return false;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kBlockBytes);
  const std::size_t got = stream_->read(buffer_.data() + before, kBlockBytes);
  buffer_.resize(before + got);
  at_end_ = got < kBlockBytes;
  return got > 0;
}

bool LineReader::next(std::string_view& line) {
  std::size_t searched = begin_;
  std::size_t end = buffer_.find('\n', searched);
  while (end == std::string::npos && buffer_.size() - begin_ <= kMaxLineBytes) {
    searched = buffer_.size() - begin_;  // fill() moves the rest to the front
    if (!fill()) break;
    end = buffer_.find('\n', searched);
  }
  if (end == std::string::npos) end = buffer_.size();
  if (end == begin_ && end == buffer_.size()) return false;
  ++line_number_;
  if (end - begin_ > kMaxLineBytes) {
    throw Error(str(name_, ":", line_number_, ": the line is longer than ", kMaxLineBytes >> 20, " MiB"));
  }
  line = std::string_view(buffer_).substr(begin_, end - begin_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  begin_ = std::min(end + 1, buffer_.size());
  return true;
}

bool LineReader::next_block(std::string& out) {
  if (begin_ == buffer_.size() && !fill()) return false;
  out.append(buffer_, begin_);
  begin_ = buffer_.size();
  return true;
}

}  // namespace phalanx::data
