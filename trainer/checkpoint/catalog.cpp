// The checkpoints of a run folder: which there are, which to resume from, which to keep.
#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "core/check.h"
#include "core/log.h"
#include "trainer/agree.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/folder.h"
#include "trainer/checkpoint/verify.h"

namespace phalanx::checkpoint {
namespace {

namespace fs = std::filesystem;

bool is_checkpoint(const std::string& folder) {
  std::error_code error;
  return fs::exists(folder + "/manifest.json", error);
}

// In the order of preference: up to the step of `latest` from the newest, then those above it from the newest. What
// lies above was left by a run that went on from an earlier checkpoint, or by a crash just before `latest` moved.
std::vector<Entry> by_preference(const std::string& checkpoints) {
  std::vector<Entry> entries = list(checkpoints);
  std::reverse(entries.begin(), entries.end());
  if (const std::optional<std::int64_t> latest = latest_step(checkpoints)) {
    std::stable_partition(entries.begin(), entries.end(), [&](const Entry& e) { return e.step <= *latest; });
  }
  return entries;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// Names of rank 0's list on every rank, so that all ask the same question in the same order.
std::vector<std::string> candidates(const std::string& checkpoints, Communicator& world) {
  std::string lines;
  if (world.rank() == 0) {
    for (const Entry& entry : by_preference(checkpoints)) lines += fs::path(entry.folder).filename().string() + "\n";
  }
  return split_lines(share_text(world, lines));
}

}  // namespace

std::vector<Entry> list(const std::string& checkpoints) {
  std::map<std::int64_t, std::string> by_step;
  std::error_code error;
  for (const auto& found : fs::directory_iterator(checkpoints, error)) {
    const std::string name = found.path().filename().string();
    if (!found.is_directory(error)) continue;
    if (const std::optional<std::int64_t> step = step_of(name)) by_step[*step] = found.path().string();
    // Between the two renames of a replacement the old one is all there is.
    if (const std::optional<std::int64_t> step = replaced_step(name)) by_step.try_emplace(*step, found.path().string());
  }
  std::vector<Entry> entries;
  entries.reserve(by_step.size());
  for (auto& [step, folder] : by_step) entries.push_back({step, std::move(folder)});
  return entries;
}

std::optional<std::string> find_latest(const std::string& checkpoints, Communicator& world) {
  const std::vector<std::string> names = candidates(checkpoints, world);
  for (const std::string& name : names) {
    const std::string folder = str(checkpoints, "/", name);
    try {
      on_every_rank(world, "checkpoint is damaged and passed over",
                    [&] { verify_share(read_manifest(folder), world.rank(), world.size()); });
      return folder;
    } catch (const Error& e) {
      if (world.rank() == 0) log::warning(e.what());
    }
  }
  if (names.empty()) return std::nullopt;
  throw AgreedError(
      str(checkpoints, ": all ", names.size(), " checkpoints are damaged; start anew with another run.output"));
}

std::string resolve(const std::string& path) {
  if (is_checkpoint(path)) return path;
  for (const std::string& folder : {path, path + "/checkpoints"}) {
    for (const Entry& entry : by_preference(folder)) {
      if (is_checkpoint(entry.folder)) return entry.folder;
    }
  }
  throw UsageError(str(path, ": no checkpoint: neither one itself (manifest.json) nor a run folder with checkpoints/"));
}

void apply_retention(const std::string& checkpoints, std::int64_t keep, std::int64_t keep_every) {
  ENSURE(keep >= 1, "checkpoint.keep must be at least 1, found ", keep);
  const std::optional<std::int64_t> latest = latest_step(checkpoints);
  std::vector<Entry> newest_first = list(checkpoints);
  std::reverse(newest_first.begin(), newest_first.end());
  std::int64_t kept = 0;
  for (const Entry& entry : newest_first) {
    if (latest && entry.step > *latest) continue;
    if (kept < keep) {
      ++kept;
    } else if (keep_every <= 0 || entry.step % keep_every != 0) {
      try {
        remove_checkpoint(checkpoints, entry.step);
      } catch (const Error& e) {
        log::warning(e.what());  // one checkpoint too many is no reason to end a run
      }
    }
  }
}

}  // namespace phalanx::checkpoint
