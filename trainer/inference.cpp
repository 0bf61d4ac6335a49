#include "trainer/inference.h"

#include <algorithm>
#include <numeric>

#include "core/device.h"
#include "trainer/agree.h"
#include "trainer/build.h"
#include "trainer/config/divide.h"
#include "trainer/device.h"
#include "trainer/load_state.h"
#include "trainer/resume.h"

namespace phalanx {

config::Config inference_config(const checkpoint::Manifest& manifest, const char* ranks_name, int tensor) {
  config::Config config = stored_config(manifest);
  config.run.reproducible = "same_layout";  // one shard per rank, whatever the run that was saved had,
  config.run.device = "auto";               // and wherever it ran
  config::Problems problems;
  config::require_divides(problems, "model.heads", config.model.heads, ranks_name, tensor);
  config::require_divides(problems, "model.ffn", config.model.ffn.value, ranks_name, tensor);
  if (!problems.list().empty()) throw UsageError(problems.list().front());
  return config;
}

LoadedModel load_model(const checkpoint::Manifest& manifest, const config::Config& config, const Runtime& runtime,
                       Grid grid, const Replica::Workload& workload) {
  const Device device = choose_device(config.run.device, runtime);
  LoadedModel model{device, open_axes(runtime, grid, device, config), nullptr};
  ReplicaOptions options = replica_options(config, grid, runtime.world_rank(), device);
  options.training = false;
  on_every_rank(runtime.world(), [&] {
    model.replica = std::make_unique<Replica>(options, *model.axes.data, *model.axes.tensor, workload);
  });
  load_state(*model.replica, manifest, checkpoint::Parts::weights, runtime.world());
  return model;
}

Batch one_document(const std::vector<std::int32_t>& ids, int P, bool pairs) {
  const auto T = static_cast<int>(ids.size());
  Batch batch = empty_batch({.B = 1, .T = T, .P = P, .pairs = pairs});
  batch.tokens = ids;
  std::ranges::fill(batch.targets, Batch::kIgnore);
  std::ranges::fill(batch.next_sentence, Batch::kIgnore);
  std::iota(batch.positions.begin(), batch.positions.end(), 0);
  std::ranges::fill(batch.document_end, T);
  return batch;
}

std::unique_ptr<data::Tokenizer> open_tokenizer(const checkpoint::Manifest& manifest, const char* command) {
  const std::string& folder = manifest.provenance.tokenizer_folder;
  if (folder.empty()) throw UsageError(str(manifest.folder, ": holds no tokenizer, which ", command, " needs"));
  return data::load_tokenizer(folder);
}

std::vector<std::vector<float>> whole_vocabulary(const Context& ctx, const Tensor& parts, std::int64_t V) {
  Tensor logits = parts;
  if (ctx.shards().total > ctx.shards().count) {
    logits = ctx.take({ctx.shards().total, parts.size(1), parts.size(2)});
    ctx.tensor->gather_parts(logits, parts, ctx.exec.stream);
  }
  const auto R = static_cast<std::size_t>(parts.size(1));
  const auto V_s = static_cast<std::size_t>(parts.size(2));
  std::vector<std::vector<float>> rows(R, std::vector<float>(static_cast<std::size_t>(V)));
  visit_dtype(ctx.dtype(), [&]<class T>() {
    const std::vector<T> all = to_host<T>(logits, ctx.exec.stream);
    for (std::size_t r = 0; r < R; ++r) {
      for (std::size_t v = 0; v < rows[r].size(); ++v) {
        rows[r][v] = static_cast<float>(all[(v / V_s * R + r) * V_s + v % V_s]);
      }
    }
  });
  return rows;
}

}  // namespace phalanx
