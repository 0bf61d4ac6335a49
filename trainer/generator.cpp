#include "trainer/generator.h"

#include "trainer/build.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"

namespace phalanx {
namespace {

const Gpt& as_gpt(const Network& network) {
  const auto* gpt = dynamic_cast<const Gpt*>(&network);
  if (gpt == nullptr) throw UsageError("generate needs a causal model (model.family: gpt)");
  return *gpt;
}

// One sequence: its cache for the whole context, and one position through the network.
Replica::Workload decode_workload() {
  return [](const Context& outer, const Network& network) {
    const Gpt& gpt = as_gpt(network);
    Context ctx = outer;
    ctx.sequences = ctx.take({1}, DType::i64);
    const Gpt::Cache cache = gpt.make_cache(ctx, 1);
    const Scratch scratch(*ctx.activations);
    const Tensor token = ctx.take({1}, DType::i32);
    const Tensor position = ctx.take({1}, DType::i32);
    const Tensor logits = gpt.decode(ctx, token, position, cache, 1);
    static_cast<void>(ctx.take({ctx.shards().total, 1, logits.size(2)}));  // all parts, gathered
  };
}

}  // namespace

Generator::Generator(const checkpoint::Manifest& manifest, const Runtime& runtime, Grid grid)
    : config_(config::parse(manifest.provenance.config_yaml, manifest.folder + " (configuration)", {})),
      axes_(runtime.split(grid)) {
  ReplicaOptions options = replica_options(config_, grid, runtime.world_rank());
  options.training = false;
  replica_ = std::make_unique<Replica>(options, *axes_.data, *axes_.tensor, decode_workload());
  checkpoint::load(manifest, checkpoint::Parts::weights, owned_state(*replica_));
  replica_->publish_masters();
  gpt_ = &as_gpt(replica_->network());
}

Generator::~Generator() = default;

Context Generator::start() {
  Context ctx = replica_->context();
  ctx.activations->reset();
  ctx.sequences = ctx.take({1}, DType::i64);
  cache_ = gpt_->make_cache(ctx, 1);
  return ctx;
}

std::vector<float> Generator::feed(const Context& ctx, std::int32_t token, int position) {
  const Scratch scratch(*ctx.activations);
  const Tensor token_tensor = ctx.take({1}, DType::i32);
  const Tensor position_tensor = ctx.take({1}, DType::i32);
  *token_tensor.as<std::int32_t>() = token;
  *position_tensor.as<std::int32_t>() = position;
  const Tensor parts = gpt_->decode(ctx, token_tensor, position_tensor, cache_, position + 1);
  Tensor logits = parts;  // (total, 1, V_s)
  if (ctx.shards().total > ctx.shards().count) {
    logits = ctx.take({ctx.shards().total, 1, parts.size(2)});
    ctx.tensor->gather_parts(logits, parts, ctx.exec.stream);
  }
  std::vector<float> values(static_cast<std::size_t>(config_.model.vocabulary.value));
  visit_dtype(ctx.dtype(), [&]<class T>() {
    for (std::size_t v = 0; v < values.size(); ++v) values[v] = static_cast<float>(logits.as<T>()[v]);
  });
  return values;
}

std::vector<float> Generator::feed_all(const Context& ctx, const std::vector<std::int32_t>& prompt) {
  if (prompt.empty()) throw UsageError("the prompt has no tokens");
  if (static_cast<std::int64_t>(prompt.size()) > context()) {
    throw UsageError(str("the prompt has ", prompt.size(), " tokens; model.context is ", context()));
  }
  std::vector<float> logits;
  for (std::size_t i = 0; i < prompt.size(); ++i) logits = feed(ctx, prompt[i], static_cast<int>(i));
  return logits;
}

std::vector<float> Generator::next_logits(const std::vector<std::int32_t>& prompt) {
  const Context ctx = start();
  return feed_all(ctx, prompt);
}

std::vector<std::int32_t> Generator::generate(const std::vector<std::int32_t>& prompt, std::int64_t count,
                                              const SamplingOptions& sampling, std::int32_t stop,
                                              const std::function<void(std::int32_t)>& on_token) {
  const Context ctx = start();
  std::vector<float> logits = feed_all(ctx, prompt);
  std::vector<std::int32_t> made;
  for (auto position = static_cast<std::int64_t>(prompt.size()); static_cast<std::int64_t>(made.size()) < count;
       ++position) {
    if (position >= context()) break;
    const std::int32_t token = sample_token(logits, sampling, position);
    made.push_back(token);
    on_token(token);
    if (token == stop || position + 1 >= context()) break;
    logits = feed(ctx, token, static_cast<int>(position));
  }
  return made;
}

}  // namespace phalanx
