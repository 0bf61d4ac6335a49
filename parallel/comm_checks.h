// The checks at the door of every communicator: shapes, dtypes, devices and aliasing, the same for each implementation.
// Each throws Error naming the operation, the communicator and both tensors.
#pragma once

#include "core/tensor.h"
#include "parallel/communicator.h"

namespace phalanx {

void check_buffer(const Communicator& comm, const char* operation, const Tensor& buffer);
// The same, and it lies in host memory.
void check_host_buffer(const Communicator& comm, const char* operation, const Tensor& buffer);
// out (n), in (size * n); out apart from in, or exactly in's own part.
void check_reduce_scatter(const Communicator& comm, const Tensor& out, const Tensor& in);
// out (size * n), in (n); in apart from out, or exactly out's own part.
void check_all_gather(const Communicator& comm, const Tensor& out, const Tensor& in);
// out (size * n), in (size * n), apart.
void check_all_to_all(const Communicator& comm, const Tensor& out, const Tensor& in);
void check_root(const Communicator& comm, int root);
// out (n), partials (count, n) with count >= 1; out apart from partials, or exactly partials[0].
void check_sum_tree(const Communicator& comm, const Tensor& out, const Tensor& partials);

}  // namespace phalanx
