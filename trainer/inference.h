// What commands share that run a network from a checkpoint without training it.
#pragma once

#include <memory>
#include <vector>

#include "core/batch.h"
#include "data/tokenizer/tokenizer.h"
#include "model/context.h"
#include "parallel/runtime.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/config.h"
#include "trainer/replica.h"

namespace phalanx {

// The checkpoint's configuration, to be run with one shard on each of `tensor` ranks, on whatever device there is.
// Throws UsageError, naming `ranks_name`, where heads or MLP do not divide.
config::Config inference_config(const checkpoint::Manifest& manifest, const char* ranks_name, int tensor);

// A checkpoint's network with its weights, not to be trained. The replica talks over the axes.
struct LoadedModel {
  Device device;
  Runtime::Axes axes;
  std::unique_ptr<Replica> replica;
};
// `config`: of inference_config. `workload` is what the replica will be asked for. Collective.
LoadedModel load_model(const checkpoint::Manifest& manifest, const config::Config& config, const Runtime& runtime,
                       Grid grid, const Replica::Workload& workload);

// One sequence of `ids`, which is one document; nothing of it is predicted. P, pairs: as in BatchShape.
Batch one_document(const std::vector<std::int32_t>& ids, int P, bool pairs);

// The checkpoint's own tokenizer. Throws UsageError naming `command` where it has none.
std::unique_ptr<data::Tokenizer> open_tokenizer(const checkpoint::Manifest& manifest, const char* command);

// Logits (S, R, V_s) of this rank's shards -> R rows of V of the whole vocabulary, on the host. Takes (shards, R, V_s)
// from ctx.activations where others hold shards. Collective over tensor ranks.
std::vector<std::vector<float>> whole_vocabulary(const Context& ctx, const Tensor& parts, std::int64_t V);

}  // namespace phalanx
