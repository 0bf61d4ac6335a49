// Lists and classifies input files by name.
#include "data/text_files.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <system_error>

#include "core/check.h"

namespace phalanx::data {
namespace {

namespace fs = std::filesystem;

bool is_one_of(const std::string& suffix, std::initializer_list<const char*> list) {
  return std::any_of(list.begin(), list.end(), [&](const char* item) { return suffix == item; });
}

[[noreturn]] void refuse_parquet(const std::string& path) {
  throw UsageError(str(path,
                       ": is Parquet; turn it into JSONL and pipe it in:\n  python3 -c \"import pyarrow.parquet as p, "
                       "sys, json; [print(json.dumps({'text': t})) for f in sys.argv[1:] for b in "
                       "p.ParquetFile(f).iter_batches(columns=['text']) for t in b.column(0).to_pylist()]\" ",
                       path, " | phalanx data prepare --input - ..."));
}

void refuse_other_formats(const std::string& path, const std::string& suffix) {
  if (suffix == ".parquet") refuse_parquet(path);
  if (is_one_of(suffix, {".xz", ".bz2", ".lz4"})) {
    throw UsageError(str(path, ": files are read plain, .gz or .zst; decompress this one first"));
  }
  if (is_one_of(suffix, {".zip", ".tar", ".tgz", ".7z", ".h5", ".hdf5", ".bin", ".npy", ".arrow", ".pdf"})) {
    throw UsageError(str(path, ": is not text; inputs are text and JSONL files, plain, .gz or .zst"));
  }
}

// Fills format and compression from the name and returns the suffix that tells the format.
std::string classify(TextFile& file) {
  fs::path name = fs::path(file.path).filename();
  if (name.extension() == ".gz" || name.extension() == ".zst") {
    file.compression = name.extension() == ".gz" ? Compression::gzip : Compression::zstd;
    name = name.stem();
  }
  std::string suffix = name.extension().string();
  if (is_one_of(suffix, {".jsonl", ".ndjson", ".json"})) file.format = TextFormat::jsonl;
  return suffix;
}

// Whether a search in folders takes the file.
bool is_text_by_name(const std::string& path) {
  TextFile file;
  file.path = path;
  const std::string suffix = classify(file);
  if (suffix == ".parquet") refuse_parquet(path);
  // A .json in a folder is more often metadata than records, unless somebody took the trouble to compress it.
  const bool is_compressed = file.compression != Compression::none;
  return is_one_of(suffix, {".txt", ".jsonl", ".ndjson"}) || (suffix == ".json" && is_compressed);
}

void add_file(const std::string& path, std::vector<TextFile>& files) {
  TextFile file;
  file.path = path;
  refuse_other_formats(path, classify(file));
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (!error) file.bytes = static_cast<std::int64_t>(bytes);  // a pipe has none
  files.push_back(file);
}

void add_folder(const std::string& folder, std::vector<TextFile>& files) {
  std::vector<std::string> paths;
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string path = entry->path().string();
    if (entry->path().filename().string().starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && is_text_by_name(path)) {
      paths.push_back(path);
    }
  }
  if (error) throw Error(str(folder, ": cannot list: ", error.message()));
  if (paths.empty()) {
    throw UsageError(str(folder, ": holds no .txt, .jsonl or .ndjson file, plain, .gz or .zst"));
  }
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) add_file(path, files);
}

}  // namespace

std::vector<TextFile> list_text_files(const std::vector<std::string>& inputs) {
  std::vector<TextFile> files;
  bool has_standard_input = false;
  for (const std::string& input : inputs) {
    if (input == "-") {
      if (has_standard_input) throw UsageError("standard input (-) is named twice");
      has_standard_input = true;
      files.push_back({"-", TextFormat::jsonl, Compression::none, 0});
      continue;
    }
    std::error_code error;
    const fs::file_status status = fs::status(input, error);
    if (!fs::exists(status)) throw UsageError(str(input, ": no such file or folder"));
    if (fs::is_directory(status)) {
      add_folder(input, files);
    } else {
      add_file(input, files);
    }
  }
  if (files.empty()) throw UsageError("no input: name files, folders, or - for JSONL on standard input");
  return files;
}

}  // namespace phalanx::data
