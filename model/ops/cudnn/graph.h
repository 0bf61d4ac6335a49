// Graph: operations on tensors of four dims, in the order in which they are written down. What cuDNN fuses it knows by
// its pattern: operations, their order and the types between them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/ops/cudnn/descriptor.h"

namespace phalanx::ops::cudnn {

using Dims = std::array<std::int64_t, 4>;

Dims packed_strides(const Dims& dims);  // of a contiguous tensor, row-major

// A tensor of the graph. Values between operations have no memory.
struct Value {
  Descriptor descriptor;
  Dims dims{};
  Dims strides{};
};

// What a tensor with memory is.
struct TensorSpec {
  std::int64_t id = 0;  // names it when the graph runs
  Dims dims{};
  Dims strides{};  // elements
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::int64_t alignment = 16;  // bytes
  Descriptor ragged{};  // (B + 1, 1, 1, 1): where each entry of dim 0 starts, in elements; none: strides[0] apart
};

class Graph {
 public:
  Value tensor(const TensorSpec& spec);
  // A number, given when the graph runs.
  Value scalar(float value);
  Value scalar(std::int32_t value);

  Value pointwise(cudnnPointwiseMode_t mode, const Value& x, const Value& b, cudnnDataType_t out = CUDNN_DATA_FLOAT,
                  cudnnDataType_t compute = CUDNN_DATA_FLOAT);
  void pointwise_into(cudnnPointwiseMode_t mode, const Value& x, const Value& b, const Value& y);
  Value unary(cudnnPointwiseMode_t mode, const Value& x);
  void unary_into(cudnnPointwiseMode_t mode, const Value& x, const Value& y);
  Value index(const Value& like, std::int64_t axis, cudnnDataType_t compute);  // int32
  Value select(const Value& x, const Value& otherwise, const Value& where);    // where ? x : otherwise
  Value reduce(cudnnReduceTensorOp_t op, const Value& x);                      // over the last dim
  struct Lengths {
    Descriptor m{}, n{}, k{};  // (B, 1, 1, 1) int32: how much of a dim counts; none: all
  };
  void multiply_into(const Value& a, const Value& b, const Value& c, const Lengths& lengths);
  Value multiply(const Value& a, const Value& b, const Lengths& lengths);
  Value reshape(const Value& x, const Dims& dims, const Dims& strides, cudnnDataType_t type, const Descriptor& ragged);

  [[nodiscard]] const std::vector<Descriptor>& operations() const { return operations_; }

  // The numbers of scalar(), by id: what the graph is given when it runs.
  struct Scalar {
    std::int64_t id = 0;
    std::uint32_t bits = 0;  // of a float or int32
  };
  [[nodiscard]] const std::vector<Scalar>& scalars() const { return scalars_; }

 private:
  Value virtual_value(const Dims& dims, const Dims& strides, cudnnDataType_t type, const Descriptor& ragged = {});
  Value virtual_like(const Dims& dims, cudnnDataType_t type) { return virtual_value(dims, packed_strides(dims), type); }
  void push_pointwise(Descriptor& kind, const Value& x, const Value* b, const Value* where, const Value& y);
  Value scalar_of(std::uint32_t bits, cudnnDataType_t type);

  std::int64_t next_id_ = 1000;  // above the ids of tensors with memory
  std::vector<Descriptor> operations_;
  std::vector<Scalar> scalars_;
};

}  // namespace phalanx::ops::cudnn
