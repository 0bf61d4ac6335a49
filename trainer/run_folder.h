// RunFolder: what a run leaves on disk beside metrics and checkpoints. Rank 0 only.
//   config.resolved.yaml      the configuration, every key
//   status.json               {"state", "step", "checkpoint", "reason", "time", "host", "pid"}: for supervisors
//   events.log                one line per event, UTC time first
//   lock                      held while the run lasts, so that no second one writes here
//   prometheus_targets.json   where metrics are served, for Prometheus' file_sd; a list without entries once the run is
//                             finished or stopped
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/path_lock.h"
#include "trainer/config/config.h"

namespace phalanx {

class RunFolder {
 public:
  // Creates run.output with its parents. Throws UsageError naming run.output when it cannot be created or written, or
  // when another run is using it.
  explicit RunFolder(const config::Config& config);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string metrics_path() const { return path_ + "/metrics.jsonl"; }

  // Throws Error when it cannot be written.
  void write_config(std::string_view yaml) const;
  // `addresses`: what Prometheus reaches. Labels: run and job_id. Throws Error when it cannot be written.
  void write_prometheus_targets(const std::vector<std::string>& addresses) const;
  // Nothing is served any more, and that is as it should be: Prometheus need not raise the alarm. Emptied, not removed:
  // Prometheus keeps the targets of a file that it cannot read. A full disk is a warning.
  void clear_prometheus_targets() const;

  // State of the run, replaced as a whole so that no reader sees half a file. A full disk is a warning: it must not
  // hide how the run ended.
  void set_running(std::int64_t step) const;
  void set_checkpoint(std::int64_t step, const std::string& checkpoint) const;  // still running
  void set_stopped(std::int64_t step, const std::string& checkpoint, const std::string& reason) const;
  void set_finished(std::int64_t step, const std::string& checkpoint) const;
  void set_failed(std::int64_t step, const std::string& checkpoint, const std::string& reason) const;
  // From any thread: failed, at the given step, with the checkpoint that was told last.
  void set_hung(std::int64_t step, const std::string& reason) const;

  // Appends a line to events.log. A full disk is a warning.
  void log_event(std::string_view text) const;

 private:
  struct Status;
  void write_status(const Status& status) const;

  std::string path_;
  std::string name_;
  std::optional<PathLock> lock_;
  mutable std::mutex told_mutex_;
  mutable std::string told_checkpoint_;
};

// The scheduler's id of this job (Slurm, PBS, LSF, SGE), else "<host>-<pid>".
std::string job_id();

}  // namespace phalanx
