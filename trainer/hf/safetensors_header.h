// The header of a safetensors file: which tensors lie where. A file is 8 bytes (length of the JSON text,
// little-endian), the text, and the tensors' bytes one after another, without gap or overlap. Nothing that a file says
// is believed: all of it is checked against the size of the file before anything is allocated for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"

namespace phalanx::hf {

struct TensorInfo {
  std::string name;
  std::string dtype;  // as the file writes it: "F32", "BF16", "BOOL"
  std::vector<std::int64_t> shape;
  std::int64_t begin = 0, end = 0;  // bytes, from the first one after the text
};

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
};

inline constexpr std::int64_t kLengthBytes = 8;
inline constexpr std::int64_t kLargestHeader = 100'000'000;  // bytes of text; other readers refuse more, too

// Length of the text, of a file of `file_bytes` whose first 8 bytes are `first`. Throws Error when that cannot be.
std::int64_t header_length(const unsigned char* first, std::int64_t file_bytes);

// The text, of a file with `data_bytes` after it. Throws Error naming the tensor and what is wrong: no JSON of this
// form, a name twice, an unknown dtype, a shape that does not fill its bytes, gaps, overlaps, bytes that are not there.
SafetensorsHeader parse_header(std::string_view text, std::int64_t data_bytes);

// Gives the tensors their bytes, in order, and returns everything that stands before them in the file, padded so that
// they begin at a multiple of 64.
std::string lay_out(SafetensorsHeader& header);

// The element type behind a name of files, where there is one here; nothing for BOOL, F8_E4M3 and the like.
std::optional<DType> dtype_of_file(std::string_view name);
// "F32", "BF16", "F16", "I64": of these types alone.
std::string_view name_in_file(DType dtype);

}  // namespace phalanx::hf
