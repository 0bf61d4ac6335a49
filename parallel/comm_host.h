// HostCommunicator: what all communicators on host memory over MPI ranks share: who is who, the choice between the two
// ways to sum, the meter. How bytes travel is the business of parallel/comm_mpi.cpp and parallel/comm_shared.cpp.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "parallel/combine.h"
#include "parallel/communicator.h"
#include "parallel/usage_meter.h"

namespace phalanx {

class HostCommunicator : public Communicator {
 public:
  ~HostCommunicator() override;  // frees the MPI communicator

  [[nodiscard]] int rank() const final { return rank_; }
  [[nodiscard]] int size() const final { return size_; }
  [[nodiscard]] std::string name() const final { return name_; }
  [[nodiscard]] std::vector<Usage> usage() const final { return usage_.totals(); }
  [[nodiscard]] Activity activity() const final { return usage_.activity(); }

  void all_reduce(const Tensor& buffer, Reduce op, const Stream& stream) final;
  void sum_tree(const Tensor& out, const Tensor& partials, const Stream& stream) final;

 protected:
  using Operation = UsageMeter::Operation;

  HostCommunicator(MPI_Comm comm, std::string name);
  // A buffer of up to so many bytes is summed by every rank.
  void set_direct_bytes(std::int64_t bytes) { direct_bytes_ = bytes; }

  // Both end with the combination of all ranks' buffers in `data`, on every rank: each rank combines everything, or its
  // part of every chunk.
  virtual void combine_direct(Combine how, DType dtype, std::byte* data, std::int64_t count) = 0;
  virtual void combine_in_parts(Combine how, DType dtype, std::byte* data, std::int64_t count) = 0;

  // f(peer) for every other rank, beginning with the next one, so that not everybody talks to rank 0 first.
  template <class F>
  void for_each_peer(F&& f) const {
    for (int step = 1; step < size_; ++step) f((rank_ + step) % size_);
  }
  // What combine() wants: `own` of this rank and from(peer) of every other, in rank order. Valid until the next call.
  template <class F>
  std::span<const std::byte* const> in_rank_order(const std::byte* own, F&& from) {
    for (int r = 0; r < size_; ++r) parts_[static_cast<std::size_t>(r)] = r == rank_ ? own : from(r);
    return parts_;
  }
  [[nodiscard]] MPI_Comm comm() const { return comm_; }
  [[nodiscard]] UsageMeter& meter() { return usage_; }

 private:
  void combine_everywhere(Combine how, const Tensor& buffer);

  MPI_Comm comm_;
  int rank_ = 0;
  int size_ = 1;
  std::string name_;
  std::int64_t direct_bytes_ = 0;
  std::vector<const std::byte*> parts_;
  UsageMeter usage_;
};

}  // namespace phalanx
