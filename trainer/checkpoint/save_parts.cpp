#include "trainer/checkpoint/save_parts.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/check.h"
#include "core/file.h"
#include "core/log.h"
#include "core/nonce.h"
#include "trainer/agree.h"
#include "trainer/checkpoint/coverage.h"
#include "trainer/checkpoint/folder.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/rank_file.h"

namespace phalanx::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLargestNote = std::int64_t{1} << 30;       // bytes; far more than any
constexpr std::int64_t kLargestTokenizer = std::int64_t{1} << 30;  // bytes per file

std::string note_path(const SaveTarget& target, int world_rank) {
  return target.temporary + "/" + rank_file_name(world_rank) + ".json";
}

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw Error(str(path, ": cannot make the folder: ", error.message()));
}

StoredFile write_small_file(const std::string& folder, const std::string& name, const std::string& text) {
  const std::string path = folder + "/" + name;
  write_text(path, text);
  return {name, checksum_of(File::open_for_reading(path)), {}};
}

// Copies the files of the tokenizer, which lie in one folder without folders in it, in order of their names.
std::vector<StoredFile> copy_tokenizer(const std::string& from, const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(from, error)) {
    if (entry.is_regular_file()) names.push_back(entry.path().filename().string());
  }
  if (error) throw Error(str(from, ": cannot list the tokenizer's files: ", error.message()));
  std::sort(names.begin(), names.end());
  make_folder(folder + "/tokenizer");
  std::vector<StoredFile> files;
  files.reserve(names.size());
  for (const std::string& name : names) {
    const std::string text = read_text(str(from, "/", name), kLargestTokenizer);
    files.push_back(write_small_file(folder, str("tokenizer/", name), text));
  }
  sync_folder(folder + "/tokenizer");
  return files;
}

std::vector<int> shard_counts(const ParamLayout& layout) {
  std::vector<int> counts;
  for (const ParamSpec& spec : layout.table()) {
    counts.push_back(spec.split == Split::none ? 1 : layout.shards().total);
  }
  return counts;
}

}  // namespace

SaveTarget begin_save(const std::string& checkpoints, std::int64_t step, bool writes, Communicator& world) {
  SaveTarget target;
  target.checkpoints = checkpoints;
  target.step = step;
  target.temporary = share_text(world, checkpoints + "/" + hidden_name(step, "tmp", random_nonce()));
  const std::vector<std::int32_t> flags = gather(world, writes ? 1 : 0);
  for (int r = 0; r < world.size(); ++r) {
    if (flags[static_cast<std::size_t>(r)] != 0) target.writers.push_back(r);
  }
  on_every_rank(world, str("checkpoint of step ", step, " not saved"), [&] {
    if (world.rank() != 0) return;
    make_folder(checkpoints);
    clean_leftovers(checkpoints);
    make_folder(target.temporary);
  });
  return target;
}

void write_part(const SaveTarget& target, int world_rank, const OwnedState& state) {
  if (!state.writes) return;
  std::error_code error;
  if (!fs::is_directory(target.temporary, error)) {
    throw Error(str(target.temporary, ": not visible to world rank ", world_rank,
                    ": run.output must be on a file system that all ranks share"));
  }
  const StoredFile file = write_rank_file(target.temporary, rank_file_name(world_rank), state);
  write_text(note_path(target, world_rank), stored_file_text(file));
}

std::string commit(const SaveTarget& target, const Progress& progress, const Provenance& provenance,
                   const ParamLayout& layout, bool moments) {
  Manifest manifest;
  manifest.progress = progress;
  manifest.provenance = provenance;
  manifest.table = layout.table();
  manifest.shard_counts = shard_counts(layout);
  manifest.moments = moments;
  for (const int writer : target.writers) {
    const std::string path = note_path(target, writer);
    manifest.files.push_back(parse_stored_file(read_text(path, kLargestNote), path));
    fs::remove(path);
  }
  check_coverage(manifest);
  manifest.files.push_back(write_small_file(target.temporary, "config.resolved.yaml", provenance.config_yaml));
  if (!provenance.tokenizer_folder.empty()) {
    const std::vector<StoredFile> copies = copy_tokenizer(provenance.tokenizer_folder, target.temporary);
    manifest.files.insert(manifest.files.end(), copies.begin(), copies.end());
  }
  write_text(target.temporary + "/manifest.json", manifest_text(manifest));
  sync_folder(target.temporary);
  std::string folder = publish(target.checkpoints, target.temporary, target.step);
  point_latest(target.checkpoints, target.step);
  return folder;
}

void discard(const SaveTarget& target) {
  std::error_code error;
  fs::remove_all(target.temporary, error);
  if (error) log::warning(target.temporary, ": cannot remove: ", error.message());
}

}  // namespace phalanx::checkpoint
