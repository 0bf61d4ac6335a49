// ParamSpec: all that the project knows of one parameter. Allocation, sharding, optimizer and checkpoint read the
// table of specs and nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace phalanx {

// How tensor-parallel shards cut a parameter.
//   none     every shard holds all of it (gradients are equal on all tensor ranks)
//   rows     dim 0, e.g. (F, C) -> (F / S, C); a vocabulary is cut after padding
//   columns  the last dim, e.g. (C, F) -> (C, F / S)
//   heads    dim 1 of (3, heads, ...), e.g. (3, NH, HS, C) -> (3, NH / S, HS, C)
enum class Split : std::uint8_t { none, rows, columns, heads };

enum class Init : std::uint8_t { zeros, ones, normal };

struct ParamSpec {
  std::string name;  // "layers.3.attention.qkv.weight"
  Shape shape;       // global and true: a vocabulary is V, not its padded size
  Split split = Split::none;
  bool decay = false;  // weight decay applies
  Init init = Init::zeros;
  float init_std = 0.0F;    // for Init::normal
  bool vocabulary = false;  // dim 0 is V: padded to a multiple of 128 per shard where it is stored
  int layer = -1;           // transformer layer it belongs to; -1: none (embeddings, final norm, head)
};

using ParamTable = std::vector<ParamSpec>;  // in forward order

// V rounded up so that each of `shards` parts is a multiple of 128.
constexpr std::int64_t padded_vocabulary(std::int64_t V, std::int64_t shards) {
  const std::int64_t unit = 128 * shards;
  return (V + unit - 1) / unit * unit;
}
static_assert(padded_vocabulary(50257, 1) == 50304 && padded_vocabulary(50257, 4) == 50688);

// Shape of one of `shards` equal parts of a parameter (vocabulary padded). Throws when the sizes do not divide.
Shape shard_shape(const ParamSpec& spec, std::int64_t shards);

// Number of true (unpadded) parameters of a table.
std::int64_t parameter_count(const ParamTable& table);

}  // namespace phalanx
