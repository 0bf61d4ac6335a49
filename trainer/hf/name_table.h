// NameTable: what a family calls parameters, as tables of names. The rest of a family is its config.json.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/param_spec.h"
#include "trainer/hf/place.h"

namespace phalanx::hf {

using MakePlace = Place (*)(int spec, const Shape& shape, std::string name);

// One place of a parameter; a fused one has several entries.
struct Name {
  std::string_view ours, theirs;
  MakePlace place;
};

struct NameTable {
  std::string_view model;          // for messages: "GPT-2"
  std::span<const Name> outside;   // whole names
  std::string_view layers;         // theirs begins so: "transformer.h."
  std::span<const Name> in_layer;  // what stands behind the layer's number and a dot
};

// The places of a table, in its order. Throws Error naming a parameter without any.
std::vector<Place> places_by_name(const NameTable& names, const ParamTable& table);

// "layers.12.norm1.beta" with the prefix "layers." -> "12" and "norm1.beta"; an empty number when it is no such name.
struct LayerName {
  std::string_view number, rest;
};
LayerName split_layer(std::string_view name, std::string_view prefix);

}  // namespace phalanx::hf
