#include "trainer/hf/name_table.h"

#include "core/check.h"

namespace phalanx::hf {
namespace {

void add_places(const NameTable& names, const ParamSpec& spec, int index, std::vector<Place>& places) {
  for (const Name& name : names.outside) {
    if (name.ours == spec.name) places.push_back(name.place(index, spec.shape, std::string(name.theirs)));
  }
  const LayerName layer = split_layer(spec.name, "layers.");
  for (const Name& name : names.in_layer) {
    if (name.ours != layer.rest) continue;
    places.push_back(name.place(index, spec.shape, str(names.layers, layer.number, ".", name.theirs)));
  }
}

}  // namespace

std::vector<Place> places_by_name(const NameTable& names, const ParamTable& table) {
  std::vector<Place> places;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::size_t before = places.size();
    add_places(names, table[i], static_cast<int>(i), places);
    if (places.size() == before) {
      throw Error(str(names.model, " has no parameter ", table[i].name, " ", to_string(table[i].shape)));
    }
  }
  return places;
}

LayerName split_layer(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  const std::size_t dot = name.find('.');
  const std::string_view number = name.substr(0, dot);
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
  if (dot == std::string_view::npos || !digits) return {};
  return {number, name.substr(dot + 1)};
}

}  // namespace phalanx::hf
