#include "model/ops/require.h"

namespace phalanx::ops {
namespace {

std::string_view device_name(Device device) { return device.type == DeviceType::cpu ? "cpu" : "cuda"; }

}  // namespace

void require(const Exec& exec, std::string_view op, std::string_view name, const Tensor& tensor, const Shape& shape,
             DType dtype) {
  ENSURE(tensor.defined(), op, ": ", name, " is undefined, expected ", to_string(shape), " ", name_of(dtype));
  ENSURE(tensor.shape == shape && tensor.dtype == dtype, op, ": ", name, " is ", to_string(tensor.shape), " ",
         name_of(tensor.dtype), ", expected ", to_string(shape), " ", name_of(dtype));
  ENSURE(tensor.device == exec.device, op, ": ", name, " lies on ", device_name(tensor.device), " ",
         tensor.device.index, ", the op runs on ", device_name(exec.device), " ", exec.device.index);
}

void require_if_defined(const Exec& exec, std::string_view op, std::string_view name, const Tensor& tensor,
                        const Shape& shape, DType dtype) {
  if (tensor.defined()) require(exec, op, name, tensor, shape, dtype);
}

void require_dims(std::string_view op, std::string_view name, const Tensor& tensor, int dims) {
  ENSURE(tensor.defined(), op, ": ", name, " is undefined, expected ", dims, " dims");
  ENSURE(tensor.shape.dims() == dims, op, ": ", name, " is ", to_string(tensor.shape), ", expected ", dims, " dims");
  for (int d = 0; d < dims; ++d) {
    ENSURE(tensor.size(d) >= 0, op, ": ", name, " is ", to_string(tensor.shape), ", a size is negative");
  }
}

void require_compute_dtype(const Exec& exec, std::string_view op, std::string_view name, DType dtype) {
  const bool known =
      dtype == DType::f32 || dtype == DType::bf16 || (dtype == DType::f16 && exec.device.type == DeviceType::cuda);
  ENSURE(known, op, ": ", name, " is ", name_of(dtype), ", expected fp32 or bf16");
}

}  // namespace phalanx::ops
