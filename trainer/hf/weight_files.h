// The safetensors files of a folder as one set of tensors: model.safetensors, or the files that
// model.safetensors.index.json lists.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "trainer/hf/safetensors.h"

namespace phalanx::hf {

class WeightFiles {
 public:
  // Opens and checks all of them. Throws Error naming file and tensor: a tensor that stands in two files, or that the
  // index names and its file does not hold; UsageError for a folder without safetensors.
  explicit WeightFiles(const std::string& folder);

  struct Found {
    const SafetensorsFile* file = nullptr;
    const TensorInfo* tensor = nullptr;
  };
  [[nodiscard]] const std::map<std::string, Found>& tensors() const { return tensors_; }  // by name

 private:
  void open(const std::string& folder, const std::vector<std::string>& names);

  std::vector<SafetensorsFile> files_;
  std::map<std::string, Found> tensors_;
};

inline constexpr const char* kSingleFile = "model.safetensors";
inline constexpr const char* kIndexFile = "model.safetensors.index.json";

}  // namespace phalanx::hf
