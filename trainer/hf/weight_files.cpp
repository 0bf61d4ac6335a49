#include "trainer/hf/weight_files.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/check.h"
#include "trainer/hf/json_files.h"

namespace phalanx::hf {
namespace {

namespace fs = std::filesystem;

// Tensor and file of each entry. A name becomes a path: nothing outside the folder may be named.
std::map<std::string, std::string> read_index(const std::string& path) {
  const nlohmann::json json = read_json(path);
  const auto found = json.is_object() ? json.find("weight_map") : json.end();
  if (found == json.end() || !found->is_object()) throw Error(str(path, ": has no weight_map of tensors and files"));
  std::map<std::string, std::string> map;
  for (const auto& [tensor, file] : found->items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (!name.ends_with(".safetensors") || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos) {
      throw Error(str(path, ": '", shown(tensor), "' is not in a .safetensors file of this folder"));
    }
    map[tensor] = name;
  }
  return map;
}

[[noreturn]] void refuse_folder(const std::string& folder) {
  const bool pickled =
      fs::exists(folder + "/pytorch_model.bin") || fs::exists(folder + "/pytorch_model.bin.index.json");
  throw UsageError(str(folder, ": holds neither ", kSingleFile, " nor ", kIndexFile,
                       pickled ? "; pytorch_model.bin is not read: save it again with safe_serialization=True" : ""));
}

}  // namespace

WeightFiles::WeightFiles(const std::string& folder) {
  if (fs::exists(folder + "/" + kSingleFile)) {
    open(folder, {kSingleFile});
    return;
  }
  const std::string index = folder + "/" + kIndexFile;
  if (!fs::exists(index)) refuse_folder(folder);
  const std::map<std::string, std::string> map = read_index(index);
  std::set<std::string> names;
  for (const auto& [tensor, file] : map) names.insert(file);
  open(folder, {names.begin(), names.end()});
  for (const auto& [tensor, file] : map) {
    const auto found = tensors_.find(tensor);
    if (found == tensors_.end() || fs::path(found->second.file->path()).filename() != file) {
      throw Error(str(index, ": names '", shown(tensor), "' in ", shown(file), ", which does not hold it"));
    }
  }
}

void WeightFiles::open(const std::string& folder, const std::vector<std::string>& names) {
  files_.reserve(names.size());  // what tensors_ points at stays where it is
  for (const std::string& name : names) {
    const SafetensorsFile& file = files_.emplace_back(str(folder, "/", name));
    for (const TensorInfo& tensor : file.tensors()) {
      const auto [other, is_new] = tensors_.try_emplace(tensor.name, Found{&file, &tensor});
      if (!is_new) {
        throw Error(str(file.path(), ": '", shown(tensor.name), "' stands in ", other->second.file->path(), ", too"));
      }
    }
  }
}

}  // namespace phalanx::hf
