#include "trainer/build.h"

#include <bit>
#include <optional>

#include "data/evaluation_batches.h"
#include "data/masked_lm.h"
#include "trainer/config/norm_epsilon.h"
#include "trainer/config/stage.h"

namespace phalanx {
namespace {

Recompute recompute_of(const std::string& name) {
  if (name == "selective") return Recompute::selective;
  return name == "full" ? Recompute::full : Recompute::none;
}

// Buckets large enough for full bandwidth between GPUs; on CPU ranks the size only bounds the granularity of parts.
constexpr std::int64_t kDefaultBucketMiB = 64;

// What the objective says; empty: causal. The ids come with a tokenizer, see with_vocabulary.
std::optional<data::MaskedLm> masked_lm(const config::Config& c) {
  if (c.objective.type != "masked_lm") return std::nullopt;
  return data::MaskedLm{.mask_probability = c.objective.mask_probability,
                        .mask_token = c.objective.mask_token,
                        .random_token = c.objective.random_token,
                        .whole_word = c.objective.whole_word,
                        .span = static_cast<int>(c.objective.span),
                        .next_sentence = c.objective.next_sentence,
                        .vocabulary = {}};
}

// Likewise, with the ids of the tokenizer that made `shards`.
std::optional<data::MaskedLm> with_vocabulary(std::optional<data::MaskedLm> masked, const std::string& shards) {
  if (masked) masked->vocabulary = data::read_masked_vocabulary(shards);
  return masked;
}

}  // namespace

NetworkOptions network_options(const config::Config& c) {
  return {.family = c.model.family,
          .L = c.model.layers,
          .C = c.model.hidden,
          .NH = c.model.heads,
          .F = c.model.ffn.value,
          .T = c.model.context,
          .V = c.model.vocabulary.value,
          .dropout = c.model.dropout,
          .attention_dropout = c.model.attention_dropout,
          .activation = c.model.activation == "gelu_erf" ? ops::Gelu::erf : ops::Gelu::tanh,
          .init_std = static_cast<float>(c.model.init_std),
          .recompute = recompute_of(c.training.recompute),
          .norm_epsilon = config::norm_epsilon(c.model),
          .token_types = c.model.token_types.value,
          .next_sentence = c.objective.next_sentence};
}

Grid grid_of(const config::Config& c, int world_size) {
  const auto tensor = static_cast<int>(c.parallel.tensor);
  return {world_size / tensor, tensor};
}

std::int64_t sequences_at_once(const config::Config& c) {
  return c.run.same_on_any_layout() ? 1 : c.training.micro_batch;
}

ReplicaOptions replica_options(const config::Config& c, Grid grid, int world_rank, Device device) {
  const std::int64_t bucket_mib = c.parallel.bucket_mb.is_auto() ? kDefaultBucketMiB : c.parallel.bucket_mb.value;
  ReplicaOptions options{.network = network_options(c),
                         .dtype = dtype_from_name(c.training.precision),
                         .device = device,
                         .grid = grid,
                         .coord = grid.coord(world_rank),
                         .training = true,
                         .shard_optimizer = c.parallel.shard_optimizer,
                         .bucket_elements = bucket_mib * (std::int64_t{1} << 20) / bytes_of(DType::f32),
                         .seed = c.run.seed,
                         .deterministic = c.run.reproducible != "none",
                         .lamb = c.optimizer.type == "lamb"};
  if (c.run.same_on_any_layout()) {
    options.tensor_shards = static_cast<int>(c.run.tensor_shards.value);
    const auto own_shards = static_cast<std::uint64_t>(c.run.data_shards.value / grid.data);
    options.spare_gradients = static_cast<int>(std::bit_width(own_shards - 1));  // levels of a tree over so many
  }
  return options;
}

ReplicaOptions training_options(const config::Config& c, Grid grid, int world_rank, Device device) {
  ReplicaOptions options = replica_options(c, grid, world_rank, device);
  options.snapshot = c.checkpoint.asynchronous;
  return options;
}

BatchShape batch_shape(const config::Config& c) {
  return data::batch_shape(static_cast<int>(sequences_at_once(c)), static_cast<int>(c.model.context), masked_lm(c));
}

Batch empty_batch(const BatchShape& shape) {
  Batch batch;
  batch.resize(shape);
  return batch;
}

Replica::Workload evaluation_workload(const BatchShape& shape) {
  return [batch = empty_batch(shape)](const Context& ctx, const Network& network) {
    const Scratch scratch(*ctx.activations);
    network.forward_loss(ctx, batch, ctx.take({kLossSums}, DType::f64));
  };
}

Replica::Workload training_workload(const BatchShape& shape) {
  return
      [batch = empty_batch(shape), evaluate = evaluation_workload(shape)](const Context& ctx, const Network& network) {
        for (const ops::Write write : {ops::Write::overwrite, ops::Write::accumulate}) {
          const Scratch scratch(*ctx.activations);
          Context writing = ctx;
          writing.matrix_gradients = write;
          network.forward_backward(writing, batch, {}, ctx.take({kLossSums}, DType::f64));
        }
        evaluate(ctx, network);
      };
}

Replica::Workload training_workload(const config::Config& config) {
  std::vector<Replica::Workload> workloads;
  for (const config::Config& phase : config::phases_of(config)) {
    workloads.push_back(training_workload(batch_shape(phase)));
  }
  return [workloads](const Context& ctx, const Network& network) {
    for (const Replica::Workload& workload : workloads) workload(ctx, network);
  };
}

data::LoaderOptions loader_options(const config::Config& c, const ReplicaOptions& replica,
                                   std::int64_t first_sequence) {
  data::LoaderOptions o;
  for (const config::Source& source : c.data.train) o.sources.push_back({source.path, source.weight});
  o.seed = c.run.seed;
  o.context = static_cast<int>(c.model.context);
  o.global_batch = static_cast<int>(c.training.global_batch);
  o.micro_batch = static_cast<int>(sequences_at_once(c));
  o.data_rank = replica.coord.data;
  o.data_ranks = replica.grid.data;
  o.prefetch = static_cast<int>(c.data.prefetch);
  o.document_attention = c.data.document_attention;
  o.masked = with_vocabulary(masked_lm(c), c.data.train.front().path);
  o.first_sequence = first_sequence;
  return o;
}

std::vector<Batch> validation_batches(const config::Config& c, const ReplicaOptions& replica) {
  return data::evaluation_batches(c.data.validation, static_cast<int>(c.model.context), c.evaluation.samples,
                                  static_cast<int>(sequences_at_once(c)), replica.coord.data, replica.grid.data,
                                  c.data.document_attention, with_vocabulary(masked_lm(c), c.data.validation));
}

checkpoint::OwnedState owned_state(const Replica& replica) {
  const OptimizerState& optimizer = replica.optimizer();
  return {.layout = &replica.layout(),
          .part = replica.ownership().part,
          .tensor_rank = replica.options().coord.tensor,
          .writes = replica.ownership().counts,
          .master = optimizer.master(),
          .m = optimizer.m(),
          .v = optimizer.v()};
}

checkpoint::OwnedState snapshot_of(const Replica& replica) {
  checkpoint::OwnedState state = owned_state(replica);
  state.master = replica.snapshot().master;
  state.m = replica.snapshot().m;
  state.v = replica.snapshot().v;
  return state;
}

}  // namespace phalanx
