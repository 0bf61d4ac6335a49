// Communicator: what training needs from a group of ranks. Its implementations (one process, ranks of one host by
// shared memory, MPI messages, any of them with buffers of GPUs) pass one conformance suite.
//
// Contract: every rank of the group calls the same operations in the same order with the same shapes. Sums of fp32,
// bf16 and fp16 are accumulated in fp32 in rank order (fp64 in fp64, integers exactly), so every rank gets the same
// bits and repeated calls give the same bits. Calls are ordered on `stream`; on host memory they return when done.
// Tensors of other shapes, dtypes or overlaps than stated throw Error before anything is sent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/tensor.h"

namespace phalanx {

enum class Reduce : std::uint8_t { sum, max, min };

class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  [[nodiscard]] virtual std::string name() const = 0;  // "data", "tensor", "world": appears in messages

  // buffer (n) <- op over ranks of buffer, on every rank. In place.
  virtual void all_reduce(const Tensor& buffer, Reduce op, const Stream& stream) = 0;
  // out (n) <- the rank's n elements of the sum over ranks of in (size * n). `out` may be in's own r-th part.
  virtual void reduce_scatter(const Tensor& out, const Tensor& in, const Stream& stream) = 0;
  // out (size * n) <- parts in (n) in rank order. `in` may be out's own r-th part.
  virtual void all_gather(const Tensor& out, const Tensor& in, const Stream& stream) = 0;
  // Part r of out (size * n) <- the rank's part of rank r's in (size * n).
  virtual void all_to_all(const Tensor& out, const Tensor& in, const Stream& stream) = 0;
  // out (n) <- sum of partials (count, n) of all ranks, along one fixed binary tree over the size * count leaves in
  // rank order: node [b, b + m) = node [b, b + m/2) + node [b + m/2, b + m), every node rounded to the stored dtype. So
  // a fixed number of leaves gives the same bits on any number of ranks. count > 1 needs a power of two ranks: then
  // every rank's leaves are a whole subtree. `out` may be partials[0]; partials are overwritten.
  virtual void sum_tree(const Tensor& out, const Tensor& partials, const Stream& stream) = 0;
  // buffer <- root's buffer.
  virtual void broadcast(const Tensor& buffer, int root, const Stream& stream) = 0;
  virtual void barrier() = 0;

  // Totals since construction, for the metrics: one per operation.
  struct Usage {
    const char* operation;  // "all_reduce", ...
    double seconds = 0;
    std::int64_t bytes = 0;  // bytes of the (larger) buffer
    std::int64_t calls = 0;  // for tests
  };
  [[nodiscard]] virtual std::vector<Usage> usage() const = 0;

  // What this rank's main thread does here just now, for whoever watches it. Any thread may ask.
  struct Activity {
    const char* operation = nullptr;  // that it is in; null: none
    std::int64_t calls = 0;           // that it has entered
  };
  [[nodiscard]] virtual Activity activity() const = 0;
};

}  // namespace phalanx
