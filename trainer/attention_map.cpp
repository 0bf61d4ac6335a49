#include "trainer/attention_map.h"

#include "core/check.h"
#include "trainer/build.h"
#include "trainer/inference.h"

namespace phalanx {
namespace {

void require_room(const config::Config& config, std::size_t tokens) {
  if (tokens == 0) throw UsageError("--text has no tokens");
  if (static_cast<std::int64_t>(tokens) <= config.model.context) return;
  throw UsageError(
      str("--text has ", tokens, " tokens; this model's context (model.context) is ", config.model.context));
}

// Of which nothing is predicted: only what attention sees counts.
Batch batch_of(const std::vector<std::int32_t>& ids, const config::Objective& objective) {
  const bool masked = objective.type == "masked_lm";
  return one_document(ids, masked ? 1 : 0, masked && objective.next_sentence);
}

std::string there_are(const char* what, std::int64_t count) {
  return count == 1 ? str("this model has one ", what, ", 0") : str("this model has ", what, "s 0 to ", count - 1);
}

}  // namespace

AttentionProbe attention_of(const checkpoint::Manifest& manifest, const Runtime& runtime,
                            const std::vector<std::int32_t>& ids) {
  const config::Config config = inference_config(manifest, "the number of ranks", runtime.world_size());
  require_room(config, ids.size());
  const Batch batch = batch_of(ids, config.objective);
  const LoadedModel model = load_model(
      manifest, config, runtime, Grid{1, runtime.world_size()},
      evaluation_workload(
          {.B = 1, .T = batch.T, .P = static_cast<int>(batch.slots.size()), .pairs = !batch.next_sentence.empty()}));
  AttentionProbe probe;
  Context ctx = model.replica->context();
  ctx.probe = &probe;
  model.replica->network().forward_loss(ctx, batch, model.replica->loss_sums());
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
