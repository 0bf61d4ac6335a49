#include "trainer/replica.h"

#include <utility>

#include "model/ops/op_table.h"
#include "parallel/comm_planned.h"

namespace phalanx {
namespace {

TensorShards shards_of(const ReplicaOptions& o) {
  const int total = o.tensor_shards > 0 ? o.tensor_shards : o.grid.tensor;
  const int count = total / o.grid.tensor;
  return {total, o.coord.tensor * count, count};
}

Ownership ownership_of(const ReplicaOptions& o) {
  if (o.training && o.shard_optimizer) return {o.grid.data, o.coord.data, true};
  return {1, 0, o.coord.data == 0};
}

std::unique_ptr<ParamLayout> make_layout(const ReplicaOptions& o, const Network& network) {
  return std::make_unique<ParamLayout>(network.parameters().table, shards_of(o), ownership_of(o).parts,
                                       o.bucket_elements);
}

ops::Exec make_exec(const ReplicaOptions& o, Memory& memory) {
  return {o.device,
          {},
          &memory.workspace,
          memory.workspace.planning() ? nullptr : &ops::op_table(o.device),
          o.deterministic};
}

}  // namespace

std::unique_ptr<Replica::Parts> Replica::make_parts(const ReplicaOptions& o, const Network& network,
                                                    const ParamLayout& layout, Memory memory) {
  auto parts =
      std::make_unique<Parts>(Parts{std::move(memory), nullptr, nullptr, nullptr, nullptr, nullptr, {}, {}, {}, {}});
  Memory& m = parts->memory;
  const Ownership ownership = ownership_of(o);
  parts->parameters = std::make_unique<Parameters>(layout, network.parameters().matrices, o.dtype, make_exec(o, m),
                                                   m.weights, o.training ? &m.gradients : nullptr);
  parts->optimizer = std::make_unique<OptimizerState>(layout, *parts->parameters, ownership.part, o.coord.tensor,
                                                      o.training, m.optimizer);
  parts->grad_norm = std::make_unique<GradNorm>(layout, *parts->optimizer, ownership.counts, m.optimizer);
  parts->exact_grad_norm = std::make_unique<ExactGradNorm>(layout, *parts->optimizer, ownership.counts, m.optimizer);
  if (o.training && o.lamb) {
    parts->lamb = std::make_unique<Lamb>(layout, *parts->parameters, *parts->optimizer, ownership.counts, m.optimizer);
  }
  for (int i = 0; o.training && i < o.spare_gradients; ++i) {
    parts->spare_gradients.push_back(m.gradients.take({layout.flat_count()}, DType::f32));
  }
  parts->loss_sums = m.optimizer.take({kLossSums}, DType::f64);
  if (o.snapshot && ownership.counts) {
    for (Tensor Snapshot::*kind : {&Snapshot::master, &Snapshot::m, &Snapshot::v}) {
      parts->snapshot.*kind = m.snapshot.take({layout.own_count()}, DType::f32);
    }
  }
  const std::size_t held = layout.table().size() + 3 * parts->optimizer->pieces().size();
  parts->digests = m.optimizer.take({static_cast<std::int64_t>(held)}, DType::i64);
  return parts;
}

Context Replica::make_context(const ReplicaOptions& o, Parts& parts, const TensorRegion& region) {
  Context ctx;
  ctx.exec = make_exec(o, parts.memory);
  ctx.activations = &parts.memory.activations;
  ctx.tensor = &region;
  ctx.parameters = parts.parameters.get();
  ctx.seed = o.seed;
  return ctx;
}

std::unique_ptr<Replica::Parts> Replica::run_plan(const ReplicaOptions& o, const Network& network,
                                                  const ParamLayout& layout, const TensorRegion& region,
                                                  const Workload& workload) {
  auto parts = make_parts(o, network, layout, Memory::planning(o.device));
  const Context ctx = make_context(o, *parts, region);
  workload(ctx, network);
  parts->parameters->pack(ctx.exec);
  return parts;
}

Memory Replica::plan(const ReplicaOptions& options, const Workload& workload) {
  const auto network = make_network(options.network);
  const auto layout = make_layout(options, *network);
  const auto peers = make_planned_communicator("tensor", options.coord.tensor, options.grid.tensor);
  const TensorRegion region(*peers, shards_of(options));
  return std::move(run_plan(options, *network, *layout, region, workload)->memory);
}

Replica::Replica(const ReplicaOptions& options, Communicator& data, Communicator& tensor, const Workload& workload)
    : options_(options),
      ownership_(ownership_of(options)),
      data_(data),
      network_(make_network(options.network)),
      layout_(make_layout(options, *network_)),
      region_(std::make_unique<TensorRegion>(tensor, shards_of(options))) {
  const auto planned = run_plan(options_, *network_, *layout_, *region_, workload);
  parts_ = make_parts(options_, *network_, *layout_, Memory::allocate(options_.device, planned->memory));
  if (options_.training && options_.spare_gradients == 0) {  // else the flat gradients change places
    reducer_ =
        std::make_unique<GradReducer>(*layout_, data_, parts_->parameters->flat_gradients(), ownership_.parts > 1);
  }
}

Replica::~Replica() = default;

LossSums Replica::read_loss_sums() const {
  LossSums sums{};
  copy(host_tensor(sums.data(), {kLossSums}), parts_->loss_sums, {});
  return sums;
}

Context Replica::context(ops::Write matrix_gradients) {
  clock_.sign_of_life();
  Context ctx = make_context(options_, *parts_, *region_);
  ctx.matrix_gradients = matrix_gradients;
  ctx.reducer = reducer_.get();
  ctx.clock = &clock_;
  return ctx;
}

void Replica::fill_initial_values() {
  parts_->optimizer->fill_initial_values(options_.seed);
  publish_masters();
}

void Replica::publish_masters() {
  parts_->optimizer->round_masters(context().exec);
  publish_weights();
}

void Replica::update(const AdamwOptions& options, double learning_rate, double grad_scale, std::int64_t t,
                     Communicator& world) {
  const ops::Exec exec = context().exec;
  const auto scale = static_cast<float>(grad_scale);
  if (parts_->lamb) {
    parts_->lamb->update(exec, options, learning_rate, scale, t, world);
  } else {
    optimizer().update(exec, options, static_cast<float>(learning_rate), scale, t);
  }
  publish_weights();
}

void Replica::publish_weights() {
  const ops::Exec exec = context().exec;
  const Tensor& flat = parameters().flat_weights();
  if (ownership_.parts > 1) {
    for (const Bucket& bucket : layout_->buckets()) {
      data_.all_gather(flat.slice(bucket.offset, bucket.count), layout_->owned_part(flat, bucket, ownership_.part),
                       exec.stream);
    }
  }
  parameters().pack(exec);
}

}  // namespace phalanx
