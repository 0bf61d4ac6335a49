#include "trainer/run_folder.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/file.h"
#include "core/host.h"
#include "core/log.h"

namespace phalanx {
namespace {

using Json = nlohmann::ordered_json;

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

// Text from anywhere (paths, messages): bytes that are no UTF-8 are replaced, so that printing cannot fail.
std::string print(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

constexpr std::int64_t kLockBytes = 4096;  // more is not ours

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::string job_id() {
  for (const char* name : {"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"}) {
    const char* id = std::getenv(name);
    if (id != nullptr && *id != '\0') return id;
  }
  return str(host_name(), "-", getpid());
}

struct RunFolder::Status {
  const char* state;
  std::int64_t step;
  std::string checkpoint, reason;
};

RunFolder::RunFolder(const config::Config& config) : path_(config.run.output), name_(config.run.name) {
  std::error_code failure;
  std::filesystem::create_directories(path_, failure);
  if (failure) throw UsageError(str("run.output: cannot create the folder ", path_, ": ", failure.message()));
  if (!std::filesystem::is_directory(path_)) throw UsageError(str("run.output: ", path_, " is not a folder"));
  const std::string lock = path_ + "/lock";
  try {
    lock_.emplace(lock);
    if (!lock_->held_elsewhere()) write_text(lock, str(host_name(), " ", getpid(), "\n"));
  } catch (const Error& error) {
    throw UsageError(str("run.output: cannot write to ", path_, ": ", error.what()));
  }
  if (lock_->held_elsewhere()) {
    throw UsageError(str("run.output: another run is writing to ", path_, " (host and process: ",
                         first_line(read_text(lock, kLockBytes)), "); stop it or choose another folder"));
  }
}

void RunFolder::write_config(std::string_view yaml) const { replace_text(path_ + "/config.resolved.yaml", yaml); }

void RunFolder::write_prometheus_targets(const std::vector<std::string>& addresses) const {
  const Json target = {{"targets", addresses}, {"labels", {{"run", name_}, {"job_id", job_id()}}}};
  replace_text(path_ + "/prometheus_targets.json", print(Json::array({target})));
}

void RunFolder::clear_prometheus_targets() const {
  const std::string path = path_ + "/prometheus_targets.json";
  if (!std::filesystem::exists(path)) return;
  try {
    replace_text(path, print(Json::array()));
  } catch (const Error& error) {
    log::warning(error.what());
  }
}

void RunFolder::set_running(std::int64_t step) const { write_status({"running", step, "", ""}); }

void RunFolder::set_checkpoint(std::int64_t step, const std::string& checkpoint) const {
  write_status({"running", step, checkpoint, ""});
}

void RunFolder::set_stopped(std::int64_t step, const std::string& checkpoint, const std::string& reason) const {
  write_status({"stopped", step, checkpoint, reason});
}

void RunFolder::set_finished(std::int64_t step, const std::string& checkpoint) const {
  write_status({"finished", step, checkpoint, ""});
}

void RunFolder::set_failed(std::int64_t step, const std::string& checkpoint, const std::string& reason) const {
  write_status({"failed", step, checkpoint, reason});
}

void RunFolder::set_hung(std::int64_t step, const std::string& reason) const {
  std::string checkpoint;
  {
    const std::scoped_lock lock(told_mutex_);
    checkpoint = told_checkpoint_;
  }
  write_status({"failed", step, checkpoint, reason});
}

void RunFolder::write_status(const Status& s) const {
  {
    const std::scoped_lock lock(told_mutex_);
    told_checkpoint_ = s.checkpoint;
  }
  const Json json = {{"state", s.state},   {"step", s.step},    {"checkpoint", s.checkpoint},
                     {"reason", s.reason}, {"time", utc_now()}, {"host", host_name()},
                     {"pid", getpid()}};
  try {
    replace_text(path_ + "/status.json", print(json));
  } catch (const Error& error) {
    log::warning(error.what());
  }
  log_event(str(s.state, " at step ", s.step, s.checkpoint.empty() ? "" : "; checkpoint ", s.checkpoint,
                s.reason.empty() ? "" : "; ", s.reason));
}

void RunFolder::log_event(std::string_view text) const {
  std::string line = str(utc_now(), " ", text);
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  line += '\n';
  const std::string file_name = path_ + "/events.log";
  std::ofstream file(file_name, std::ios::app);
  file << line << std::flush;
  if (!file) log::warning("cannot write ", file_name, ": ", std::strerror(errno));
}

}  // namespace phalanx
