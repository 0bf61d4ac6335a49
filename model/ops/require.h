// Checks at the door of an op: each throws an Error that names the op, the tensor, what was expected and what was
// found.
#pragma once

#include <string_view>

#include "model/ops/exec.h"

namespace phalanx::ops {

// `tensor` is defined, lies on exec's device, and has this shape and dtype.
void require(const Exec& exec, std::string_view op, std::string_view name, const Tensor& tensor, const Shape& shape,
             DType dtype);
// As above; an undefined tensor is fine.
void require_if_defined(const Exec& exec, std::string_view op, std::string_view name, const Tensor& tensor,
                        const Shape& shape, DType dtype);
// `tensor` is defined and has `dims` dims, of which none is negative.
void require_dims(std::string_view op, std::string_view name, const Tensor& tensor, int dims);
// `dtype` is one that activations may have: fp32 or bf16 (fp16 on CUDA).
void require_compute_dtype(const Exec& exec, std::string_view op, std::string_view name, DType dtype);

}  // namespace phalanx::ops
