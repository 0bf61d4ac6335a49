// metrics.jsonl: the record of a run, one JSON object per line, format 1. The first line is the "run" event; then
// "step", "validation", "checkpoint", "checkpoint_failure", "resume" and "skip" events in the order in which they
// happened.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/memory.h"
#include "trainer/metrics/stats.h"

namespace phalanx {

// What only some steps tell.
struct StepDetail {
  std::vector<double> rank_step_seconds;  // by world rank, without collectives; empty: not told
  std::vector<ArenaBytes> memory;         // of rank 0; empty: as told before
};

class JsonLines {
 public:
  static constexpr int kFormat = 1;

  // Appends to `path`. Throws Error when it cannot be opened.
  explicit JsonLines(const std::string& path);
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  [[nodiscard]] bool empty() const;  // nothing has been written yet

  // Numbers read back to the same bits; those that are not finite are null and named under "non_finite". Each event is
  // one write. A full disk takes back the part that was written and warns once: the run goes on.
  void run(const RunInfo& info, double time);
  void step(const StepStats& stats, const StepDetail& detail = {});
  void validation(const ValidationStats& stats);
  void checkpoint(std::int64_t step, double time, const std::string& path, double seconds, double stall_seconds);
  void checkpoint_failure(std::int64_t step, double time, const std::string& reason);
  // Tells the run again, which may have other ranks or more steps than at its start.
  void resume(std::int64_t step, double time, const std::string& path, const RunInfo& info);
  void skip(const StepStats& stats);

  // Drops every line from the first one of a later step on, and lines that a crash left incomplete or garbled. The
  // file is replaced as a whole. Throws Error when that fails.
  void truncate_after(std::int64_t step);
  void clear();

 private:
  void write(const std::string& text);
  void replace(const std::string& content);

  std::string path_;
  int file_ = -1;
  bool warned_ = false;
};

}  // namespace phalanx
