#include "trainer/run_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/log.h"

namespace phalanx {
namespace {

using Json = nlohmann::ordered_json;

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

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

bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Writes `content` to a new file and puts it on disk; 0, or errno.
int write_durably(const std::string& path, std::string_view content) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return errno;
  const bool good = write_all(file, content) && ::fsync(file) == 0;
  const int failure = good ? 0 : errno;
  return ::close(file) == 0 || failure != 0 ? failure : errno;
}

}  // namespace

void replace_file(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  int failure = write_durably(temporary, content);
  if (failure == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) failure = errno;
  if (failure == 0) return;
  ::unlink(temporary.c_str());
  throw Error(str("cannot write ", path, ": ", std::strerror(failure)));
}

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
  const std::string probe = path_ + "/.write_test";
  if (const int error = write_durably(probe, "x")) {
    throw UsageError(str("run.output: cannot write to ", path_, ": ", std::strerror(error)));
  }
  ::unlink(probe.c_str());
}

void RunFolder::write_config(std::string_view yaml) const { replace_file(path_ + "/config.resolved.yaml", yaml); }

void RunFolder::write_prometheus_targets(const std::string& address) const {
  const Json target = {{"targets", {address}}, {"labels", {{"run", name_}, {"job_id", job_id()}}}};
  replace_file(path_ + "/prometheus_targets.json", print(Json::array({target})));
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

void RunFolder::write_status(const Status& s) const {
  const Json json = {{"state", s.state},   {"step", s.step},    {"checkpoint", s.checkpoint},
                     {"reason", s.reason}, {"time", utc_now()}, {"host", host_name()},
                     {"pid", getpid()}};
  try {
    replace_file(path_ + "/status.json", print(json));
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
  const int file = ::open(file_name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0 || !write_all(file, line)) log::warning("cannot write ", file_name, ": ", std::strerror(errno));
  if (file >= 0) ::close(file);
}

}  // namespace phalanx
