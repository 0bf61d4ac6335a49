#include "parallel/comm_host.h"

#include <utility>

#include "parallel/comm_checks.h"
#include "parallel/mpi_check.h"

namespace phalanx {

HostCommunicator::HostCommunicator(MPI_Comm comm, std::string name) : comm_(comm), name_(std::move(name)) {
  MPI_OK(MPI_Comm_rank(comm, &rank_));
  MPI_OK(MPI_Comm_size(comm, &size_));
  parts_.resize(static_cast<std::size_t>(size_));
}

HostCommunicator::~HostCommunicator() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0) MPI_Comm_free(&comm_);
}

void HostCommunicator::combine_everywhere(Combine how, const Tensor& buffer) {
  if (buffer.count() == 0) return;
  if (buffer.bytes() <= direct_bytes_) {
    combine_direct(how, buffer.dtype, buffer.data, buffer.count());
  } else {
    combine_in_parts(how, buffer.dtype, buffer.data, buffer.count());
  }
}

void HostCommunicator::all_reduce(const Tensor& buffer, Reduce op, const Stream& /*stream*/) {
  check_host_buffer(*this, "all_reduce", buffer);
  const UsageMeter::Timer timer(usage_, Operation::all_reduce, buffer.bytes());
  combine_everywhere(combine_of(op), buffer);
}

void HostCommunicator::sum_tree(const Tensor& out, const Tensor& partials, const Stream& /*stream*/) {
  check_sum_tree(*this, out, partials);
  check_host_buffer(*this, "sum_tree", out);
  const UsageMeter::Timer timer(usage_, Operation::sum_tree, partials.bytes());
  sum_local_tree(out, partials);
  combine_everywhere(Combine::tree, out);
}

}  // namespace phalanx
