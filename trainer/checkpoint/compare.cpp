#include "trainer/checkpoint/compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/check.h"
#include "model/ops/digest.h"
#include "model/ops/op_table.h"
#include "trainer/checkpoint/stored_tensors.h"

namespace phalanx::checkpoint {
namespace {

std::string describe(const ParamSpec& spec) { return str(spec.name, " ", to_string(spec.shape)); }

// Index in b's table of each tensor of a's.
std::vector<int> matches(const Manifest& a, const Manifest& b) {
  std::vector<int> found;
  for (const ParamSpec& spec : a.table) {
    const auto match =
        std::find_if(b.table.begin(), b.table.end(), [&](const ParamSpec& other) { return other.name == spec.name; });
    if (match == b.table.end()) {
      throw UsageError(str("these are different models: ", b.folder, " does not hold ", describe(spec)));
    }
    if (match->shape != spec.shape) {
      throw UsageError(str("these are different models: ", spec.name, " is ", to_string(spec.shape), " in ", a.folder,
                           " and ", to_string(match->shape), " in ", b.folder));
    }
    found.push_back(static_cast<int>(match - b.table.begin()));
  }
  for (std::size_t t = 0; t < b.table.size(); ++t) {
    if (std::find(found.begin(), found.end(), static_cast<int>(t)) == found.end()) {
      throw UsageError(str("these are different models: ", a.folder, " does not hold ", describe(b.table[t])));
    }
  }
  return found;
}

KindDifference difference(const std::vector<float>& a, const std::vector<float>& b) {
  KindDifference result;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(a[i]) == std::bit_cast<std::uint32_t>(b[i])) continue;
    ++result.differing;
    const double distance = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    const bool known = std::isfinite(distance);
    result.largest = known ? std::max(result.largest, distance) : std::numeric_limits<double>::infinity();
  }
  return result;
}

// The whole tensor's part of a StateDigest.
std::uint64_t digest_part(const std::string& name, std::vector<float>& values) {
  Arena nothing("none", Device{}, 0);
  const ops::Exec exec{Device{}, {}, &nothing, &ops::cpu_op_table()};
  std::int64_t sum = 0;
  ops::digest(exec, host_tensor(&sum, {1}), host_tensor(values.data(), {static_cast<std::int64_t>(values.size())}), {});
  return digest_factor(name) * static_cast<std::uint64_t>(sum);
}

void add(StateDigest& digest, std::size_t kind, std::uint64_t part) {
  (kind == 0 ? digest.master : kind == 1 ? digest.m : digest.v) += part;
}

}  // namespace

bool TensorDifference::equal() const {
  return std::all_of(kinds.begin(), kinds.end(), [](const KindDifference& kind) { return kind.differing == 0; });
}

bool Comparison::equal() const {
  return std::all_of(tensors.begin(), tensors.end(), [](const TensorDifference& tensor) { return tensor.equal(); });
}

Comparison compare(const Manifest& a, const Manifest& b) {
  const std::vector<int> match = matches(a, b);
  Comparison result;
  result.moments = a.moments && b.moments;
  for (const ParamSpec& spec : a.table) result.tensors.push_back({spec.name, spec.shape, {}});
  StoredTensors from_a(a);
  StoredTensors from_b(b);
  for (std::size_t kind = 0; kind < (result.moments ? kKinds.size() : 1); ++kind) {
    for (std::size_t t = 0; t < a.table.size(); ++t) {
      std::vector<float> in_a = from_a.read(static_cast<int>(t), kind);
      std::vector<float> in_b = from_b.read(match[t], kind);
      result.tensors[t].kinds[kind] = difference(in_a, in_b);
      add(result.a, kind, digest_part(a.table[t].name, in_a));
      add(result.b, kind, digest_part(a.table[t].name, in_b));
    }
  }
  return result;
}

}  // namespace phalanx::checkpoint
