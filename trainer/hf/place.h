// Where the parameters of a model stand in a Hugging Face folder: names, shapes, and the order of their elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/param_spec.h"

namespace phalanx::hf {

// A parameter as a matrix: all dims but the last are rows.
struct MatrixShape {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};
MatrixShape matrix_of(const Shape& shape);

// plain: as in the parameter. transposed: column by column, which is what a (IC, OC) tensor of a matrix (OC, IC) is.
enum class Order : std::uint8_t { plain, transposed };

constexpr int kNoParameter = -1;

// One tensor of a folder: rows [first_row, first_row + rows) of a parameter. A fused parameter may have several places.
struct Place {
  int spec = 0;                     // index in the parameter table, or kNoParameter
  std::string name;                 // in the folder
  std::vector<std::int64_t> shape;  // in the folder
  Order order = Order::plain;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t zero_rows = 0;  // before them in the folder, of no parameter: written as zeros, not read; plain order

  [[nodiscard]] std::int64_t count() const { return (zero_rows + rows) * columns; }  // elements in the folder
};

// The place of a whole parameter: its shape as it is, flattened to one dim, as a matrix, or as one with its dims
// exchanged.
Place keep(int spec, const Shape& shape, std::string name);
Place flatten(int spec, const Shape& shape, std::string name);
Place as_matrix(int spec, const Shape& shape, std::string name);
Place transpose(int spec, const Shape& shape, std::string name);
// Of a fused (3, NH, HS, C) weight or (3, NH, HS) bias: one of the three, as (NH * HS, C) or (NH * HS).
Place query_part(int spec, const Shape& shape, std::string name);
Place key_part(int spec, const Shape& shape, std::string name);
Place value_part(int spec, const Shape& shape, std::string name);
// A (rows, columns) tensor of zeros, of no parameter.
Place zeros(std::string name, std::int64_t rows, std::int64_t columns);

// Calls `take` with the elements of the place in the order of the folder, some at a time. `values`: the whole
// parameter, row-major.
void gather(const Place& place, const std::vector<float>& values,
            const std::function<void(const float* part, std::int64_t count)>& take);

// The inverse: calls `fill` for the elements in the order of the folder, some at a time, and puts them into `values`.
void scatter(const Place& place, const std::function<void(float* part, std::int64_t count)>& fill,
             std::vector<float>& values);

}  // namespace phalanx::hf
