#include "core/dtype.h"

#include <array>
#include <utility>

namespace phalanx {
namespace {

constexpr std::array<std::pair<DType, std::string_view>, 7> kNames{{{DType::f32, "fp32"},
                                                                    {DType::bf16, "bf16"},
                                                                    {DType::f16, "fp16"},
                                                                    {DType::f64, "fp64"},
                                                                    {DType::i32, "int32"},
                                                                    {DType::i64, "int64"},
                                                                    {DType::u8, "uint8"}}};

}  // namespace

std::string_view name_of(DType dtype) {
  for (const auto& [value, name] : kNames) {
    if (value == dtype) return name;
  }
  return "unknown";
}

DType dtype_from_name(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  throw UsageError(str("unknown dtype '", name, "'; known: fp32, bf16, fp16, fp64, int32, int64, uint8"));
}

}  // namespace phalanx
