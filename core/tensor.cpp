#include "core/tensor.h"

namespace phalanx {

Shape::Shape(std::initializer_list<std::int64_t> dims) {
  for (const std::int64_t size : dims) append(size);
}

void Shape::append(std::int64_t size) {
  ENSURE(dims_ < kMaxDims, "a shape has at most ", kMaxDims, " dims");
  sizes_[static_cast<std::size_t>(dims_++)] = size;
}

std::int64_t Shape::count() const {
  std::int64_t n = 1;
  for (int d = 0; d < dims_; ++d) n *= (*this)[d];
  return n;
}

bool Shape::operator==(const Shape& other) const {
  if (dims_ != other.dims_) return false;
  for (int d = 0; d < dims_; ++d) {
    if ((*this)[d] != other[d]) return false;
  }
  return true;
}

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (int d = 0; d < shape.dims(); ++d) text += str(d == 0 ? "" : ", ", shape[d]);
  return text + ")";
}

Tensor Tensor::view(const Shape& new_shape) const {
  ENSURE(new_shape.count() == count(), "view of ", to_string(shape), " as ", to_string(new_shape));
  return {data, new_shape, dtype, device};
}

Tensor Tensor::slice(std::int64_t begin, std::int64_t rows) const {
  ENSURE(shape.dims() >= 1 && begin >= 0 && rows >= 0 && begin + rows <= shape[0], "rows [", begin, ", ", begin + rows,
         ") of ", to_string(shape));
  Tensor part = *this;
  part.shape.set(0, rows);
  const std::int64_t row_bytes = shape[0] == 0 ? 0 : bytes() / shape[0];
  if (data != nullptr) part.data = data + begin * row_bytes;
  return part;
}

Tensor Tensor::operator[](std::int64_t i) const {
  const Tensor row = slice(i, 1);
  Shape rest;
  for (int d = 1; d < shape.dims(); ++d) rest.append(shape[d]);
  return {row.data, rest, dtype, device};
}

}  // namespace phalanx
