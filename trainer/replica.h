// Replica: one rank's share of a network: its parameters, optimizer state and memory, ready to compute. Everything is
// planned first, by running the very code without computing, then allocated once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/phase_clock.h"
#include "model/network.h"
#include "parallel/communicator.h"
#include "parallel/grad_reducer.h"
#include "trainer/memory.h"
#include "trainer/optimizer/exact_grad_norm.h"
#include "trainer/optimizer/grad_norm.h"
#include "trainer/optimizer/lamb.h"
#include "trainer/optimizer/optimizer_state.h"

namespace phalanx {

struct ReplicaOptions {
  NetworkOptions network;
  DType dtype = DType::f32;
  Device device{};
  Grid grid{};
  Coord coord{};
  bool training = true;  // gradients and moments exist
  bool shard_optimizer = true;
  std::int64_t bucket_elements = 0;  // gradient bucket size
  std::uint64_t seed = 0;
  bool deterministic = true;  // sums in one order
  int tensor_shards = 0;      // virtual ones, over all tensor ranks; 0: one per rank
  int spare_gradients = 0;    // further buffers of flat gradients
  bool lamb = false;          // update() is LAMB instead of AdamW
  bool snapshot = false;      // room for a copy of the state that this rank saves, if it saves any
};

// Who holds which masters and moments over the data axis: with a sharded optimizer each data rank a part of every
// bucket, otherwise every data rank all of it, and data rank 0 speaks for them.
struct Ownership {
  int parts = 1;       // of every bucket
  int part = 0;        // this rank's
  bool counts = true;  // this rank speaks for its part: in sums over ranks, and in checkpoints
};

class Replica {
 public:
  // `workload` runs, while planning, whatever the replica will be asked to compute, at its largest sizes.
  using Workload = std::function<void(const Context&, const Network&)>;
  // The arenas of a replica of these options, measured and not allocated: needs no device, no peers.
  static Memory plan(const ReplicaOptions& options, const Workload& workload);
  // The communicators must outlive the replica. Not collective; only the functions that say so are.
  Replica(const ReplicaOptions& options, Communicator& data, Communicator& tensor, const Workload& workload);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  [[nodiscard]] const ReplicaOptions& options() const { return options_; }
  [[nodiscard]] const Network& network() const { return *network_; }
  [[nodiscard]] const ParamLayout& layout() const { return *layout_; }
  [[nodiscard]] const Parameters& parameters() const { return *parts_->parameters; }
  [[nodiscard]] const OptimizerState& optimizer() const { return *parts_->optimizer; }
  [[nodiscard]] const GradNorm& grad_norm() const { return *parts_->grad_norm; }
  [[nodiscard]] const ExactGradNorm& exact_grad_norm() const { return *parts_->exact_grad_norm; }
  [[nodiscard]] const Tensor& spare_gradients(int i) const {  // (flat_count) fp32
    return parts_->spare_gradients.at(static_cast<std::size_t>(i));
  }
  // Spare buffer i and the flat gradients change places.
  void swap_gradients(int i) {
    parts_->parameters->swap_gradients(parts_->spare_gradients.at(static_cast<std::size_t>(i)));
  }
  // Room for what this rank saves: (own_count) fp32 each, undefined where options().snapshot is false or it saves none.
  struct Snapshot {
    Tensor master, m, v;
  };
  [[nodiscard]] const Snapshot& snapshot() const { return parts_->snapshot; }
  // Only of a replica made for training without spare gradients.
  [[nodiscard]] GradReducer& reducer() const {
    ENSURE(reducer_, "this replica has no reducer: it evaluates, or has spare gradients");
    return *reducer_;
  }
  [[nodiscard]] const Memory& memory() const { return parts_->memory; }
  [[nodiscard]] PhaseClock& clock() { return clock_; }
  [[nodiscard]] const Tensor& loss_sums() const { return parts_->loss_sums; }  // (kLossSums) fp64
  [[nodiscard]] LossSums read_loss_sums() const;

  // Room for the digest of each tensor of the state: (n) int64.
  [[nodiscard]] const Tensor& digests() const { return parts_->digests; }

  // For a micro-batch: with gradients told to the reducer (training) or not. `matrix_gradients`: overwrite for the
  // first one after Parameters::clear_gradients.
  [[nodiscard]] Context context(ops::Write matrix_gradients = ops::Write::accumulate);
  [[nodiscard]] const Ownership& ownership() const { return ownership_; }

  // Masters from the seed, the same for every layout, then publish_masters(). Collective.
  void fill_initial_values();
  // Weights of all ranks from the masters: round, gather over the data axis, pack. After load and after initial values.
  // Collective.
  void publish_masters();
  // Masters, moments and weights of all ranks by the gradients that the own parts hold, which are used up. t counts
  // updates from 1; gradients are multiplied by grad_scale. `world` holds all data and tensor ranks. Collective.
  void update(const AdamwOptions& options, double learning_rate, double grad_scale, std::int64_t t,
              Communicator& world);
  // Weights of all ranks after an update of the own parts: gather over the data axis, pack. Collective.
  void publish_weights();

 private:
  // What lives in arenas; built once to plan and once for real.
  struct Parts {
    Memory memory;
    std::unique_ptr<Parameters> parameters;
    std::unique_ptr<OptimizerState> optimizer;
    std::unique_ptr<GradNorm> grad_norm;
    std::unique_ptr<ExactGradNorm> exact_grad_norm;
    std::unique_ptr<Lamb> lamb;  // where options.lamb
    std::vector<Tensor> spare_gradients;
    Tensor loss_sums;
    Snapshot snapshot;
    Tensor digests;
  };
  static std::unique_ptr<Parts> make_parts(const ReplicaOptions& options, const Network& network,
                                           const ParamLayout& layout, Memory memory);
  static Context make_context(const ReplicaOptions& options, Parts& parts, const TensorRegion& region);
  static std::unique_ptr<Parts> run_plan(const ReplicaOptions& options, const Network& network,
                                         const ParamLayout& layout, const TensorRegion& region,
                                         const Workload& workload);

  ReplicaOptions options_;
  Ownership ownership_;
  Communicator& data_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<ParamLayout> layout_;
  std::unique_ptr<TensorRegion> region_;
  std::unique_ptr<Parts> parts_;
  std::unique_ptr<GradReducer> reducer_;
  PhaseClock clock_;
};

}  // namespace phalanx
