#include "parallel/comm_checks.h"

namespace phalanx {
namespace {

std::string where(const Communicator& comm, const char* operation) {
  return str(operation, " on the ", comm.name(), " communicator of ", comm.size(), " ranks: ");
}

std::string describe(const Tensor& t) { return str(to_string(t.shape), " ", name_of(t.dtype)); }

void check_pair(const Communicator& comm, const char* operation, const Tensor& out, const Tensor& in) {
  check_buffer(comm, operation, out);
  check_buffer(comm, operation, in);
  ENSURE(out.dtype == in.dtype && out.device == in.device, where(comm, operation), "out is ", describe(out), ", in is ",
         describe(in));
}

bool apart(const Tensor& a, const Tensor& b) {
  return a.data + a.bytes() <= b.data || b.data + b.bytes() <= a.data || a.bytes() == 0 || b.bytes() == 0;
}

// `part` is apart from `whole` or begins at `begin` elements of it.
void check_alias(const Communicator& comm, const char* operation, const Tensor& part, const Tensor& whole,
                 std::int64_t begin) {
  ENSURE(apart(part, whole) || part.data == whole.data + begin * bytes_of(whole.dtype), where(comm, operation),
         "the buffers overlap other than in the rank's own part");
}

}  // namespace

void check_buffer(const Communicator& comm, const char* operation, const Tensor& buffer) {
  ENSURE(buffer.defined() || buffer.count() == 0, where(comm, operation), "the tensor ", describe(buffer),
         " has no memory");
}

void check_host_buffer(const Communicator& comm, const char* operation, const Tensor& buffer) {
  check_buffer(comm, operation, buffer);
  ENSURE(buffer.device.type == DeviceType::cpu, where(comm, operation), "it works on host memory");
}

void check_reduce_scatter(const Communicator& comm, const Tensor& out, const Tensor& in) {
  check_pair(comm, "reduce_scatter", out, in);
  ENSURE(in.count() == out.count() * comm.size(), where(comm, "reduce_scatter"), "out is ", describe(out), ", in is ",
         describe(in), "; in must hold one out per rank");
  check_alias(comm, "reduce_scatter", out, in, comm.rank() * out.count());
}

void check_all_gather(const Communicator& comm, const Tensor& out, const Tensor& in) {
  check_pair(comm, "all_gather", out, in);
  ENSURE(out.count() == in.count() * comm.size(), where(comm, "all_gather"), "out is ", describe(out), ", in is ",
         describe(in), "; out must hold one in per rank");
  check_alias(comm, "all_gather", in, out, comm.rank() * in.count());
}

void check_all_to_all(const Communicator& comm, const Tensor& out, const Tensor& in) {
  check_pair(comm, "all_to_all", out, in);
  ENSURE(out.count() == in.count() && in.count() % comm.size() == 0, where(comm, "all_to_all"), "out is ",
         describe(out), ", in is ", describe(in), "; both must hold one equal part per rank");
  ENSURE(apart(out, in), where(comm, "all_to_all"), "the buffers overlap");
}

void check_root(const Communicator& comm, int root) {
  ENSURE(root >= 0 && root < comm.size(), where(comm, "broadcast"), "root ", root, " is not one of its ranks");
}

void check_sum_tree(const Communicator& comm, const Tensor& out, const Tensor& partials) {
  check_pair(comm, "sum_tree", out, partials);
  ENSURE(partials.shape.dims() >= 1 && partials.size(0) >= 1 && partials.count() == partials.size(0) * out.count(),
         where(comm, "sum_tree"), "out is ", describe(out), ", partials are ", describe(partials),
         "; partials must be (count, shape of out)");
  const std::int64_t count = partials.size(0);
  const bool power_of_two = (comm.size() & (comm.size() - 1)) == 0;
  ENSURE(count == 1 || power_of_two, where(comm, "sum_tree"), count,
         " shards per rank need a power of two ranks, so that every rank holds a whole subtree (parallel.tensor)");
  check_alias(comm, "sum_tree", out, partials, 0);
}

}  // namespace phalanx
