#include "trainer/metrics/page/run_follower.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/clock.h"
#include "trainer/metrics/page/run_changes.h"

namespace phalanx {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kLongestLine = 1 << 20;
constexpr std::int64_t kBytesPerAnswer = 16 << 20;  // about a third of a second
constexpr std::int64_t kStatusBytes = 1 << 16;

std::int64_t milliseconds_now() { return static_cast<std::int64_t>(1000 * unix_seconds()); }

// {"state", "reason"} of the run whose metrics.jsonl is at `path`; empty texts when there is none.
Json status_beside(const std::string& path) {
  Json status = {{"state", ""}, {"reason", ""}};
  try {
    const std::string file = (std::filesystem::path(path).parent_path() / "status.json").string();
    const Json json = Json::parse(read_text(file, kStatusBytes), nullptr, false);
    for (const char* key : {"state", "reason"}) {
      if (json.is_object() && json.contains(key) && json[key].is_string()) status[key] = json[key];
    }
  } catch (const Error&) {  // a run need not have one
  }
  return status;
}

}  // namespace

RunFollower::RunFollower(std::string path) : path_(std::move(path)), history_(milliseconds_now()) {}

void RunFollower::require_readable() {
  const std::lock_guard lock(mutex_);
  while (read_on(kBytesPerAnswer)) continue;
  if (history_.empty()) throw Error(str(path_, ": no run is recorded in it yet"));
}

std::string RunFollower::changes(std::string_view cursor) {
  const std::lock_guard lock(mutex_);
  bool more = false;
  try {
    more = read_on(kBytesPerAnswer);
    if (!damaged_) problem_.clear();
  } catch (const Error& error) {
    problem_ = error.what();
  }
  Json json = {{"path", path_}, {"problem", problem_}, {"more", more}, {"read", offset_}};
  json["bytes"] = more ? file_->bytes() : offset_;
  json.update(status_beside(path_));
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.pop_back();
  return text + ",\"history\":" + changes_since(history_, cursor) + "}";
}

// Takes at least `budget` bytes of whole lines unless the file ends before. True: there is more.
bool RunFollower::read_on(std::int64_t budget) {
  open_current();
  if (damaged_) return false;
  std::string buffer;
  while (budget > 0) {
    const std::int64_t left = file_->bytes() - offset_;
    const std::int64_t bytes = std::min(left, kLongestLine);
    buffer.resize(static_cast<std::size_t>(bytes));
    file_->read(buffer.data(), bytes, offset_);
    const std::size_t end = buffer.rfind('\n');
    if (end == std::string::npos) {
      if (left < kLongestLine) return false;  // a line that is still being written
      damaged_ = true;
      throw Error(str(path_, ":", line_ + 1, ": longer than ", kLongestLine, " bytes; this is no metrics.jsonl"));
    }
    take(std::string_view(buffer).substr(0, end + 1));
    budget -= bytes;
    if (bytes == left) return false;
  }
  return true;
}

// Whoever resumes a run replaces its file.
void RunFollower::open_current() {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) throw_errno(path_, "open");
  const Identity identity{status.st_dev, status.st_ino};
  if (!file_ || identity != identity_) {
    file_ = File::open_for_reading(path_);
    identity_ = identity;
    begin_anew();
  } else if (file_->bytes() < offset_) {
    begin_anew();
  }
}

void RunFollower::begin_anew() {
  offset_ = line_ = 0;
  damaged_ = false;
  history_ = RunHistory(std::max(history_.generation() + 1, milliseconds_now()));
}

void RunFollower::take(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    ++line_;
    try {
      history_.add(parse_record(lines.substr(0, end)));
    } catch (const Error& error) {
      damaged_ = true;
      throw Error(str(path_, ":", line_, ": ", error.what()));
    }
    offset_ += static_cast<std::int64_t>(end) + 1;
    lines.remove_prefix(end + 1);
  }
}

}  // namespace phalanx
