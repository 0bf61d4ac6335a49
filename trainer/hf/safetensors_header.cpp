#include "trainer/hf/safetensors_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "core/check.h"
#include "trainer/hf/header_events.h"
#include "trainer/hf/json_files.h"

namespace phalanx::hf {
namespace {

constexpr std::int64_t kDataAlignment = 64;  // bytes

// All types of whole bytes that the format knows.
struct FileType {
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array<FileType, 15> kTypes{{{"F64", 8},
                                           {"F32", 4},
                                           {"F16", 2},
                                           {"BF16", 2},
                                           {"I64", 8},
                                           {"I32", 4},
                                           {"I16", 2},
                                           {"I8", 1},
                                           {"U64", 8},
                                           {"U32", 4},
                                           {"U16", 2},
                                           {"U8", 1},
                                           {"BOOL", 1},
                                           {"F8_E4M3", 1},
                                           {"F8_E5M2", 1}}};

constexpr std::array<std::pair<DType, std::string_view>, 7> kDTypes{{{DType::f32, "F32"},
                                                                     {DType::bf16, "BF16"},
                                                                     {DType::f16, "F16"},
                                                                     {DType::f64, "F64"},
                                                                     {DType::i32, "I32"},
                                                                     {DType::i64, "I64"},
                                                                     {DType::u8, "U8"}}};

std::int64_t element_bytes(const TensorInfo& tensor) {
  for (const FileType& type : kTypes) {
    if (type.name == tensor.dtype) return type.bytes;
  }
  throw Error(str("'", shown(tensor.name), "': unknown dtype '", shown(tensor.dtype), "'"));
}

// Bytes that a shape needs; one that needs more than the file has is refused before its product can overflow.
std::int64_t shape_bytes(const TensorInfo& tensor, std::int64_t data_bytes) {
  std::int64_t bytes = element_bytes(tensor);
  for (const std::int64_t size : tensor.shape) {
    if (size > 0 && bytes > data_bytes / size) {
      throw Error(str("'", shown(tensor.name), "': its shape needs more than the ", data_bytes, " bytes of the file"));
    }
    bytes *= size;
  }
  return bytes;
}

void check_layout(const std::vector<TensorInfo>& tensors, std::int64_t data_bytes) {
  std::int64_t done = 0;
  for (const TensorInfo& tensor : tensors) {
    const auto refuse = [&](const auto&... what) { throw Error(str("'", shown(tensor.name), "': ", what...)); };
    if (tensor.begin > tensor.end || tensor.end > data_bytes) {
      refuse("bytes ", tensor.begin, " to ", tensor.end, " are not in a file with ", data_bytes, " bytes of data");
    }
    const std::int64_t needed = shape_bytes(tensor, data_bytes);
    if (needed != tensor.end - tensor.begin) {
      refuse("its shape needs ", needed, " bytes, data_offsets give it ", tensor.end - tensor.begin);
    }
    if (tensor.begin != done) {
      refuse("begins at byte ", tensor.begin, (tensor.begin < done ? ", inside" : ", behind a gap after"),
             " the tensor before it, which ends at ", done);
    }
    done = tensor.end;
  }
  if (done != data_bytes) throw Error(str("the last ", data_bytes - done, " bytes belong to no tensor"));
}

}  // namespace

std::int64_t header_length(const unsigned char* first, std::int64_t file_bytes) {
  std::uint64_t length = 0;
  for (int i = 0; i < kLengthBytes; ++i) length |= static_cast<std::uint64_t>(first[i]) << 8 * i;
  const auto rest = static_cast<std::uint64_t>(std::max<std::int64_t>(file_bytes - kLengthBytes, 0));
  if (length > rest || length > kLargestHeader) {
    throw Error(str("is no safetensors file or damaged: its header claims ", length, " bytes, of a file of ",
                    file_bytes, " (at most ", kLargestHeader, " are possible)"));
  }
  return static_cast<std::int64_t>(length);
}

SafetensorsHeader parse_header(std::string_view text, std::int64_t data_bytes) {
  if (text.empty() || text.front() != '{') throw Error("is no safetensors file: its header does not begin with '{'");
  HeaderEvents events;
  nlohmann::json::sax_parse(text.begin(), text.end(), &events);
  SafetensorsHeader header = events.take();
  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  check_layout(header.tensors, data_bytes);
  return header;
}

std::string lay_out(SafetensorsHeader& header) {
  nlohmann::ordered_json json;
  if (!header.metadata.empty()) json["__metadata__"] = header.metadata;
  std::int64_t done = 0;
  for (TensorInfo& tensor : header.tensors) {
    std::int64_t bytes = element_bytes(tensor);
    for (const std::int64_t size : tensor.shape) bytes *= size;
    tensor.begin = done;
    done = tensor.end = done + bytes;
    json[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {tensor.begin, tensor.end}}};
  }
  std::string text = json.dump();
  const auto unpadded = static_cast<std::int64_t>(text.size()) + kLengthBytes;
  text.append(static_cast<std::size_t>((kDataAlignment - unpadded % kDataAlignment) % kDataAlignment), ' ');
  std::string all;
  for (int i = 0; i < kLengthBytes; ++i) all += static_cast<char>(static_cast<std::uint64_t>(text.size()) >> 8 * i);
  return all + text;
}

std::optional<DType> dtype_of_file(std::string_view name) {
  for (const auto& [dtype, known] : kDTypes) {
    if (known == name) return dtype;
  }
  return std::nullopt;
}

std::string_view name_in_file(DType dtype) {
  for (const auto& [known, name] : kDTypes) {
    if (known == dtype) return name;
  }
  FAIL_WITH("no name in files for ", name_of(dtype));
}

}  // namespace phalanx::hf
