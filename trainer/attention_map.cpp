#include "trainer/attention_map.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "core/check.h"
#include "trainer/build.h"
#include "trainer/device.h"
#include "trainer/inference.h"
#include "trainer/load_state.h"
#include "trainer/replica.h"

namespace phalanx {
namespace {

// One document, of which nothing is predicted: only what attention sees counts.
Batch batch_of(const std::vector<std::int32_t>& ids, const BatchShape& shape) {
  Batch batch = empty_batch(shape);
  batch.tokens = ids;
  std::ranges::fill(batch.targets, Batch::kIgnore);
  std::ranges::fill(batch.next_sentence, Batch::kIgnore);
  std::iota(batch.positions.begin(), batch.positions.end(), 0);
  std::ranges::fill(batch.document_end, shape.T);
  return batch;
}

BatchShape shape_of(const config::Config& config, std::size_t tokens) {
  if (tokens == 0) throw UsageError("--text has no tokens");
  if (static_cast<std::int64_t>(tokens) > config.model.context) {
    throw UsageError(
        str("--text has ", tokens, " tokens; this model's context (model.context) is ", config.model.context));
  }
  const bool masked = config.objective.type == "masked_lm";
  return {
      .B = 1, .T = static_cast<int>(tokens), .P = masked ? 1 : 0, .pairs = masked && config.objective.next_sentence};
}

std::string there_are(const char* what, std::int64_t count) {
  return count == 1 ? str("this model has one ", what, ", 0") : str("this model has ", what, "s 0 to ", count - 1);
}

}  // namespace

AttentionProbe attention_of(const checkpoint::Manifest& manifest, const Runtime& runtime,
                            const std::vector<std::int32_t>& ids) {
  const config::Config config = inference_config(manifest, "the number of ranks", runtime.world_size());
  const BatchShape shape = shape_of(config, ids.size());
  const Grid grid{1, runtime.world_size()};
  const Device device = choose_device(config.run.device, runtime);
  const Runtime::Axes axes = open_axes(runtime, grid, device);
  ReplicaOptions options = replica_options(config, grid, runtime.world_rank(), device);
  options.training = false;
  Replica replica(options, *axes.data, *axes.tensor, evaluation_workload(shape));
  load_state(replica, manifest, checkpoint::Parts::weights, runtime.world());
  AttentionProbe probe;
  Context ctx = replica.context();
  ctx.probe = &probe;
  replica.network().forward_loss(ctx, batch_of(ids, shape), replica.loss_sums());
  return probe;
}

std::vector<AttentionMap> choose_maps(const AttentionProbe& probe, std::int64_t layer, std::int64_t head) {
  const auto layers = static_cast<std::int64_t>(probe.layers().size());
  const std::int64_t heads = probe.layers().begin()->second.NH;
  if (layer >= layers) throw UsageError(str("--layer ", layer, ": ", there_are("layer", layers)));
  if (head >= heads) throw UsageError(str("--head ", head, ": ", there_are("head", heads)));
  std::vector<AttentionMap> maps;
  for (const auto& [l, weights] : probe.layers()) {
    for (std::int64_t h = 0; h < heads; ++h) {
      if ((layer < 0 || layer == l) && (head < 0 || head == h)) maps.push_back({l, h, &weights});
    }
  }
  return maps;
}

}  // namespace phalanx
