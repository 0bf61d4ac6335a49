// RunFollower: the history of one metrics.jsonl, kept up to date while somebody writes it. Nothing is read unless
// somebody asks, so a page that nobody looks at costs nothing.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/file.h"
#include "trainer/metrics/page/run_history.h"

namespace phalanx {

class RunFollower {
 public:
  // `path`: of a metrics.jsonl, which may come later.
  explicit RunFollower(std::string path);

  // Throws Error naming file and line when it cannot be read to its end as the record of a run.
  void require_readable();

  // Reads on for a moment, then says what is new since `cursor`, as a JSON object: "path", "problem" ("" when there is
  // none), "state" and "reason" (of status.json beside the file; "" when unknown), "read" and "bytes" of the file,
  // "more" (its end is not reached: ask again at once), "history" (changes_since). A file that was replaced or cut, as
  // by a resume, is read anew. Thread-safe.
  std::string changes(std::string_view cursor);

 private:
  using Identity = std::pair<std::uint64_t, std::uint64_t>;  // of a file, whatever it is called

  bool read_on(std::int64_t budget);
  void open_current();
  void begin_anew();
  void take(std::string_view lines);

  std::mutex mutex_;
  std::string path_;
  std::optional<File> file_;
  Identity identity_;
  std::int64_t offset_ = 0;  // behind the last line taken
  std::int64_t line_ = 0;    // its number, from 1
  std::string problem_;
  bool damaged_ = false;  // the open file: nothing more is taken from it
  RunHistory history_;
};

}  // namespace phalanx
