#include "model/ops/cudnn/graph.h"

#include <bit>

namespace phalanx::ops::cudnn {
namespace {

Descriptor make_tensor(const TensorSpec& spec) {
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, spec.id);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, spec.type);
  d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, spec.dims);
  d.set(CUDNN_ATTR_TENSOR_STRIDES, spec.strides);
  d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, spec.alignment);
  if (spec.ragged.defined()) d.set(CUDNN_ATTR_TENSOR_RAGGED_OFFSET_DESC, spec.ragged);
  return d;
}

Descriptor pointwise_kind(cudnnPointwiseMode_t mode, cudnnDataType_t compute) {
  Descriptor d(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  d.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  d.set(CUDNN_ATTR_POINTWISE_MATH_PREC, compute);
  return d;
}

}  // namespace

Dims packed_strides(const Dims& dims) { return {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1}; }

Value Graph::tensor(const TensorSpec& spec) {
  Value v;
  v.dims = spec.dims;
  v.strides = spec.strides;
  v.descriptor = make_tensor(spec);
  v.descriptor.finalize();
  return v;
}

Value Graph::virtual_value(const Dims& dims, const Dims& strides, cudnnDataType_t type, const Descriptor& ragged) {
  Value v;
  v.dims = dims;
  v.strides = strides;
  v.descriptor = make_tensor({.id = next_id_++, .dims = dims, .strides = strides, .type = type, .ragged = ragged});
  v.descriptor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  v.descriptor.finalize();
  return v;
}

Value Graph::scalar_of(std::uint32_t bits, cudnnDataType_t type) {
  Value v;
  v.dims = v.strides = {1, 1, 1, 1};
  v.descriptor = make_tensor({.id = next_id_, .dims = v.dims, .strides = v.strides, .type = type});
  v.descriptor.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, true);
  v.descriptor.finalize();
  scalars_.push_back({next_id_++, bits});
  return v;
}

Value Graph::scalar(float value) { return scalar_of(std::bit_cast<std::uint32_t>(value), CUDNN_DATA_FLOAT); }
Value Graph::scalar(std::int32_t value) { return scalar_of(std::bit_cast<std::uint32_t>(value), CUDNN_DATA_INT32); }

void Graph::push_pointwise(Descriptor& kind, const Value& x, const Value* b, const Value* where, const Value& y) {
  kind.finalize();
  Descriptor op(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kind);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x.descriptor);
  if (b != nullptr) op.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b->descriptor);
  if (where != nullptr) op.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, where->descriptor);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y.descriptor);
  op.finalize();
  operations_.push_back(op);
}

Value Graph::pointwise(cudnnPointwiseMode_t mode, const Value& x, const Value& b, cudnnDataType_t out,
                       cudnnDataType_t compute) {
  Value y = virtual_like(x.dims, out);
  Descriptor kind = pointwise_kind(mode, compute);
  push_pointwise(kind, x, &b, nullptr, y);
  return y;
}

void Graph::pointwise_into(cudnnPointwiseMode_t mode, const Value& x, const Value& b, const Value& y) {
  Descriptor kind = pointwise_kind(mode, CUDNN_DATA_FLOAT);
  push_pointwise(kind, x, &b, nullptr, y);
}

Value Graph::unary(cudnnPointwiseMode_t mode, const Value& x) {
  Value y = virtual_like(x.dims, CUDNN_DATA_FLOAT);
  unary_into(mode, x, y);
  return y;
}

void Graph::unary_into(cudnnPointwiseMode_t mode, const Value& x, const Value& y) {
  Descriptor kind = pointwise_kind(mode, CUDNN_DATA_FLOAT);
  push_pointwise(kind, x, nullptr, nullptr, y);
}

Value Graph::index(const Value& like, std::int64_t axis, cudnnDataType_t compute) {
  Value y = virtual_like(like.dims, CUDNN_DATA_INT32);
  Descriptor kind = pointwise_kind(CUDNN_POINTWISE_GEN_INDEX, compute);
  kind.set(CUDNN_ATTR_POINTWISE_AXIS, axis);
  push_pointwise(kind, like, nullptr, nullptr, y);
  return y;
}

Value Graph::select(const Value& x, const Value& otherwise, const Value& where) {
  Value y = virtual_like(x.dims, CUDNN_DATA_FLOAT);
  Descriptor kind = pointwise_kind(CUDNN_POINTWISE_BINARY_SELECT, CUDNN_DATA_FLOAT);
  push_pointwise(kind, x, &otherwise, &where, y);
  return y;
}

Value Graph::reduce(cudnnReduceTensorOp_t mode, const Value& x) {
  Value y = virtual_like({x.dims[0], x.dims[1], x.dims[2], 1}, CUDNN_DATA_FLOAT);
  Descriptor kind(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  kind.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1, &mode);
  kind.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  kind.finalize();
  Descriptor op(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, kind);
  op.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x.descriptor);
  op.set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, y.descriptor);
  op.finalize();
  operations_.push_back(op);
  return y;
}

void Graph::multiply_into(const Value& a, const Value& b, const Value& c, const Lengths& lengths) {
  Descriptor kind(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  kind.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT);
  kind.finalize();
  Descriptor op(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, kind);
  op.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, a.descriptor);
  op.set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, b.descriptor);
  op.set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, c.descriptor);
  if (lengths.m.defined()) op.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC, lengths.m);
  if (lengths.n.defined()) op.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC, lengths.n);
  if (lengths.k.defined()) op.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC, lengths.k);
  op.finalize();
  operations_.push_back(op);
}

Value Graph::multiply(const Value& a, const Value& b, const Lengths& lengths) {
  Value c = virtual_like({a.dims[0], a.dims[1], a.dims[2], b.dims[3]}, CUDNN_DATA_FLOAT);
  multiply_into(a, b, c, lengths);
  return c;
}

Value Graph::reshape(const Value& x, const Dims& dims, const Dims& strides, cudnnDataType_t type,
                     const Descriptor& ragged) {
  Value y = virtual_value(dims, strides, type, ragged);
  Descriptor op(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, x.descriptor);
  op.set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, y.descriptor);
  op.finalize();
  operations_.push_back(op);
  return y;
}

}  // namespace phalanx::ops::cudnn
