// The products of linear layers on the CPU: by oneDNN, those of weight gradients mostly by tiles of our own. bf16 has
// three paths, chosen by the processor's features:
//   native  bf16 operands, fp32 sums, all by oneDNN: where the processor has AMX
//   pairs   bf16 operands, fp32 sums: where dot products of pairs have twice the fp32 rate (AMD)
//   panels  bf16 storage, fp32 products: blocks of the operands are converted into the workspace
// All functions also plan: while exec.planning() they take their workspace and compute nothing.
#pragma once

#include "model/ops/linear.h"

namespace phalanx::ops::onednn {

enum class Bf16Path : std::uint8_t { native, pairs, panels };
// What this processor is best at; the environment variable PHALANX_BF16=native|pairs|panels overrides it (for tests).
Bf16Path bf16_path();

std::int64_t packed_forward_bytes(std::int64_t OC, std::int64_t IC, DType dtype);
std::int64_t packed_backward_bytes(std::int64_t OC, std::int64_t IC, DType dtype);
void pack_weight(const Exec& exec, const LinearWeight& w);
void linear_forward(const Exec& exec, const LinearForward& a);
void linear_backward_input(const Exec& exec, const LinearBackwardInput& a);
void linear_backward_weight(const Exec& exec, const LinearBackwardWeight& a);
std::string describe_products(DType dtype);

// The panels path; arguments are bf16 and not empty.
void forward_by_panels(const Exec& exec, const LinearForward& a);
void backward_input_by_panels(const Exec& exec, const LinearBackwardInput& a);

}  // namespace phalanx::ops::onednn
