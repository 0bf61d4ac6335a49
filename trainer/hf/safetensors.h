// safetensors files: read tensor by tensor, written front to back.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/file.h"
#include "trainer/hf/safetensors_header.h"

namespace phalanx::hf {

class SafetensorsFile {
 public:
  // Opens and checks; throws Error naming the file and what is wrong with it.
  explicit SafetensorsFile(const std::string& path);

  [[nodiscard]] const std::string& path() const { return file_.path(); }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const { return header_.tensors; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  // `bytes` of a tensor from its byte `from`.
  void read(void* to, const TensorInfo& tensor, std::int64_t from, std::int64_t bytes) const;

 private:
  File file_;
  std::int64_t data_begin_ = 0;  // first byte after the header
  SafetensorsHeader header_;
};

class SafetensorsWriter {
 public:
  // Creates the file. Of `tensors` names, dtypes and shapes are read.
  SafetensorsWriter(const std::string& path, std::vector<TensorInfo> tensors);

  // The next bytes of the tensors, which lie one after another in the order they were given in.
  void append(const void* from, std::int64_t bytes);
  // Checks that all bytes came; makes them durable.
  void finish();

 private:
  File file_;
  std::int64_t next_ = 0;  // byte of the file
  std::int64_t end_ = 0;
};

}  // namespace phalanx::hf
