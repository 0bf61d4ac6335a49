#include "trainer/metrics/jsonl.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/check.h"
#include "core/file.h"
#include "core/log.h"
#include "trainer/metrics/record_json.h"

namespace phalanx {
namespace {

using Json = nlohmann::ordered_json;

// An event under construction. nlohmann prints the shortest decimal that reads back to the same double.
class Event {
 public:
  Event(const char* name) { json_["event"] = name; }

  template <class T>
  Event& add(const std::string& key, const T& value) {
    json_[key] = value;
    return *this;
  }
  Event& add(const std::string& key, double value) {
    if (std::isfinite(value)) {
      json_[key] = value;
      return *this;
    }
    json_[key] = nullptr;
    non_finite_.push_back(key);
    return *this;
  }

  // The line, without its end.
  [[nodiscard]] std::string text() {
    if (!non_finite_.empty()) json_["non_finite"] = non_finite_;
    return json_.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  Json json_;
  std::vector<std::string> non_finite_;
};

Event& add_info(Event& event, const RunInfo& info) {
  for_each_fact(info, [&](const char* key, const auto& value) { event.add(key, value); });
  return event;
}

Json phases_of(const StepStats& stats) {
  Json json = Json::object();
  for (std::size_t p = 0; p < kPhaseNames.size(); ++p) json[kPhaseNames[p]] = stats.phase_seconds[p];
  return json;
}

// The step of a line, -1 where it has none; nullopt when it is no event.
std::optional<std::int64_t> step_of(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("event")) return std::nullopt;
  return json.contains("step") && json["step"].is_number_integer() ? json["step"].get<std::int64_t>() : -1;
}

// The lines before the first one of a later step, without those that a crash left incomplete or garbled.
std::string lines_through(const std::string& path, std::int64_t step) {
  std::ifstream in(path, std::ios::binary);
  std::string kept, line;
  while (std::getline(in, line) && !in.eof()) {
    const auto found = step_of(line);
    if (!found) continue;
    if (*found > step) break;
    kept += line + "\n";
  }
  return kept;
}

int open_log(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) throw Error(str("cannot open ", path, ": ", std::strerror(errno)));
  return file;
}

}  // namespace

JsonLines::JsonLines(const std::string& path) : path_(path), file_(open_log(path)) {}

JsonLines::~JsonLines() { ::close(file_); }

bool JsonLines::empty() const { return ::lseek(file_, 0, SEEK_END) == 0; }

void JsonLines::run(const RunInfo& info, double time) {
  Event event("run");
  event.add("format", kFormat).add("time", time);
  write(add_info(event, info).text());
}

void JsonLines::step(const StepStats& stats, const StepDetail& detail) {
  Event event("step");
  event.add("time", stats.time)
      .add("step", stats.step)
      .add("loss", stats.loss)
      .add("learning_rate", stats.learning_rate)
      .add("gradient_norm", stats.gradient_norm)
      .add("tokens", stats.tokens)
      .add("step_seconds", stats.step_seconds)
      .add("tokens_per_second", stats.tokens_per_second)
      .add("model_flops_utilization_ratio", stats.model_flops_utilization_ratio)
      .add("phase_seconds", phases_of(stats));
  if (!stats.digest.empty()) event.add("digest", stats.digest);
  if (!detail.rank_step_seconds.empty()) event.add("rank_step_seconds", detail.rank_step_seconds);
  if (!detail.memory.empty()) event.add("memory", memory_json(detail.memory));
  write(event.text());
}

void JsonLines::validation(const ValidationStats& stats) {
  Event event("validation");
  event.add("time", stats.time)
      .add("step", stats.step)
      .add("loss", stats.loss)
      .add("tokens", stats.tokens)
      .add("token_loss", stats.token_loss)
      .add("token_accuracy", stats.token_accuracy);
  if (stats.pairs > 0) {
    event.add("pairs", stats.pairs)
        .add("sentence_loss", stats.sentence_loss)
        .add("sentence_accuracy", stats.sentence_accuracy);
  }
  write(event.add("seconds", stats.seconds).text());
}

void JsonLines::checkpoint(std::int64_t step, double time, const std::string& path, double seconds,
                           double stall_seconds) {
  Event event("checkpoint");
  event.add("time", time).add("step", step).add("path", path).add("seconds", seconds);
  write(event.add("stall_seconds", stall_seconds).text());
}

void JsonLines::checkpoint_failure(std::int64_t step, double time, const std::string& reason) {
  write(Event("checkpoint_failure").add("time", time).add("step", step).add("reason", reason).text());
}

void JsonLines::resume(std::int64_t step, double time, const std::string& path, const RunInfo& info) {
  Event event("resume");
  event.add("time", time).add("step", step).add("path", path);
  write(add_info(event, info).text());
}

void JsonLines::skip(const StepStats& stats) {
  write(Event("skip").add("time", stats.time).add("step", stats.step).add("loss_scale", stats.loss_scale).text());
}

void JsonLines::truncate_after(std::int64_t step) { replace(lines_through(path_, step)); }

void JsonLines::clear() { replace(""); }

void JsonLines::replace(const std::string& content) {
  replace_text(path_, content);
  const int fresh = open_log(path_);
  ::close(file_);
  file_ = fresh;
}

void JsonLines::write(const std::string& text) {
  const std::string line = text + "\n";
  const off_t before = ::lseek(file_, 0, SEEK_END);
  ssize_t written = 0;
  do written = ::write(file_, line.data(), line.size());
  while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(line.size())) return;
  const int failure = written < 0 ? errno : ENOSPC;
  const bool undone = written <= 0 || ::ftruncate(file_, before) == 0;
  if (!warned_) {
    log::warning("cannot write ", path_, ": ", std::strerror(failure), undone ? "" : " (its last line is incomplete)",
                 "; training goes on without it");
  }
  warned_ = true;
}

}  // namespace phalanx
