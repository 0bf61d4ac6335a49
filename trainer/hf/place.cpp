#include "trainer/hf/place.h"

#include <algorithm>

namespace phalanx::hf {
namespace {

constexpr std::int64_t kPart = std::int64_t{1} << 18;  // elements handed over at once, about
constexpr std::int64_t kColumns = 64;                  // of a matrix that is turned: whole cache lines of each row

Place whole(int spec, const Shape& shape, std::string name, Order order) {
  const auto [rows, columns] = matrix_of(shape);
  return {.spec = spec,
          .name = std::move(name),
          .shape = {},
          .order = order,
          .first_row = 0,
          .rows = rows,
          .columns = columns};
}

Place third(int spec, const Shape& shape, std::string name, int part) {
  Place place = whole(spec, shape, std::move(name), Order::plain);
  place.rows /= 3;
  place.first_row = part * place.rows;
  place.shape = {place.rows, place.columns};
  if (shape.dims() == 3) place.shape = {place.rows * place.columns};
  return place;
}

// Calls visit(first element within the place, elements) for runs that are contiguous in both orders.
template <class Visit>
void for_plain_parts(const Place& place, Visit&& visit) {
  const std::int64_t count = place.rows * place.columns;
  for (std::int64_t begin = 0; begin < count; begin += kPart) visit(begin, std::min(kPart, count - begin));
}

template <class Visit>
void for_column_blocks(const Place& place, Visit&& visit) {
  for (std::int64_t c = 0; c < place.columns; c += kColumns) visit(c, std::min(kColumns, place.columns - c));
}

// Exchanges a block of columns with its transpose: turned(c, r) and matrix(r, first + c).
template <class Exchange>
void for_block(const Place& place, std::int64_t first, std::int64_t columns, Exchange&& exchange) {
  for (std::int64_t r = 0; r < place.rows; ++r) {
    const std::int64_t row = (place.first_row + r) * place.columns + first;
    for (std::int64_t c = 0; c < columns; ++c) {
      exchange(static_cast<std::size_t>(c * place.rows + r), static_cast<std::size_t>(row + c));
    }
  }
}

}  // namespace

MatrixShape matrix_of(const Shape& shape) {
  const std::int64_t columns = shape[shape.dims() - 1];
  return {shape.count() / columns, columns};
}

Place keep(int spec, const Shape& shape, std::string name) {
  Place place = whole(spec, shape, std::move(name), Order::plain);
  for (int d = 0; d < shape.dims(); ++d) place.shape.push_back(shape[d]);
  return place;
}

Place flatten(int spec, const Shape& shape, std::string name) {
  Place place = whole(spec, shape, std::move(name), Order::plain);
  place.shape = {shape.count()};
  return place;
}

Place as_matrix(int spec, const Shape& shape, std::string name) {
  Place place = whole(spec, shape, std::move(name), Order::plain);
  place.shape = {place.rows, place.columns};
  return place;
}

Place transpose(int spec, const Shape& shape, std::string name) {
  Place place = whole(spec, shape, std::move(name), Order::transposed);
  place.shape = {place.columns, place.rows};
  return place;
}

Place query_part(int spec, const Shape& shape, std::string name) { return third(spec, shape, std::move(name), 0); }
Place key_part(int spec, const Shape& shape, std::string name) { return third(spec, shape, std::move(name), 1); }
Place value_part(int spec, const Shape& shape, std::string name) { return third(spec, shape, std::move(name), 2); }

Place zeros(std::string name, std::int64_t rows, std::int64_t columns) {
  return {.spec = kNoParameter,
          .name = std::move(name),
          .shape = {rows, columns},
          .rows = 0,
          .columns = columns,
          .zero_rows = rows};
}

void gather(const Place& place, const std::vector<float>& values,
            const std::function<void(const float* part, std::int64_t count)>& take) {
  if (place.order == Order::plain) {
    const std::vector<float> zero_row(static_cast<std::size_t>(place.columns));
    for (std::int64_t r = 0; r < place.zero_rows; ++r) take(zero_row.data(), place.columns);
    const float* first = values.data() + place.first_row * place.columns;
    for_plain_parts(place, [&](std::int64_t begin, std::int64_t count) { take(first + begin, count); });
    return;
  }
  std::vector<float> turned;
  for_column_blocks(place, [&](std::int64_t first, std::int64_t columns) {
    turned.resize(static_cast<std::size_t>(columns * place.rows));
    for_block(place, first, columns, [&](std::size_t to, std::size_t from) { turned[to] = values[from]; });
    take(turned.data(), columns * place.rows);
  });
}

void scatter(const Place& place, const std::function<void(float* part, std::int64_t count)>& fill,
             std::vector<float>& values) {
  if (place.order == Order::plain) {
    std::vector<float> unused(static_cast<std::size_t>(place.columns));
    for (std::int64_t r = 0; r < place.zero_rows; ++r) fill(unused.data(), place.columns);
    float* first = values.data() + place.first_row * place.columns;
    for_plain_parts(place, [&](std::int64_t begin, std::int64_t count) { fill(first + begin, count); });
    return;
  }
  std::vector<float> turned;
  for_column_blocks(place, [&](std::int64_t first, std::int64_t columns) {
    turned.resize(static_cast<std::size_t>(columns * place.rows));
    fill(turned.data(), columns * place.rows);
    for_block(place, first, columns, [&](std::size_t from, std::size_t to) { values[to] = turned[from]; });
  });
}

}  // namespace phalanx::hf
