#include "trainer/generator.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace phalanx {
namespace {

const Gpt& as_gpt(const Network& network) {
  const auto* gpt = dynamic_cast<const Gpt*>(&network);
  if (gpt == nullptr)
    throw UsageError("generate needs a causal model (model.family: gpt); fill predicts masked tokens");
  return *gpt;
}

// A prompt is padded to the next of these lengths: few enough to plan each of them, so that no product meets a size
// that nothing was planned for.
std::vector<std::int64_t> padded_lengths(std::int64_t context) {
  constexpr std::int64_t kShortest = 32;
  std::vector<std::int64_t> lengths;
  for (std::int64_t T = kShortest; T < context; T *= 2) lengths.push_back(T);
  lengths.push_back(context);
  return lengths;
}

// One sequence: its cache for the whole context, a prompt of every length, and one position through the network.
Replica::Workload generation_workload() {
  return [](const Context& outer, const Network& network) {
    const Gpt& gpt = as_gpt(network);
    Context ctx = outer;
    ctx.sequences = ctx.take({1}, DType::i64);
    const Gpt::Cache cache = gpt.make_cache(ctx, 1);
    const auto run = [&](std::int64_t T, auto&& logits_of) {
      const Scratch scratch(*ctx.activations);
      const Tensor tokens = ctx.take({T}, DType::i32);
      const Tensor positions = ctx.take({T}, DType::i32);
      const Tensor logits = logits_of(tokens, positions);
      static_cast<void>(ctx.take({ctx.shards().total, 1, logits.size(2)}));  // all parts, gathered
    };
    for (const std::int64_t T : padded_lengths(gpt.options().T)) {
      run(T, [&](const Tensor& tokens, const Tensor& positions) {
        return gpt.prefill(ctx, tokens, positions, cache, static_cast<int>(T));
      });
    }
    run(1, [&](const Tensor& token, const Tensor& position) { return gpt.decode(ctx, token, position, cache, 1); });
  };
}

// Of the activations.
Tensor uploaded(const Context& ctx, const std::vector<std::int32_t>& values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  const Tensor tensor = ctx.take(shape, DType::i32);
  copy(tensor, host_tensor(const_cast<std::int32_t*>(values.data()), shape), ctx.exec.stream);
  return tensor;
}

}  // namespace

Generator::Generator(const checkpoint::Manifest& manifest, const Runtime& runtime, Grid grid)
    : config_(inference_config(manifest, "--tensor", grid.tensor)),
      model_(load_model(manifest, config_, runtime, grid, generation_workload())),
      gpt_(&as_gpt(model_.replica->network())) {}

Generator::~Generator() = default;

Context Generator::start() {
  Context ctx = model_.replica->context();
  ctx.activations->reset();
  ctx.sequences = ctx.take({1}, DType::i64);
  cache_ = gpt_->make_cache(ctx, 1);
  return ctx;
}

std::vector<float> Generator::row_of_logits(const Context& ctx, const Tensor& parts) const {
  return whole_vocabulary(ctx, parts, config_.model.vocabulary.value).front();
}

void Generator::require_room(const std::vector<std::int32_t>& prompt) const {
  if (prompt.empty()) throw UsageError("the prompt has no tokens");
  if (static_cast<std::int64_t>(prompt.size()) <= context()) return;
  throw UsageError(str("the prompt has ", prompt.size(), " tokens; this model's context (model.context) is ", context(),
                       ": give a shorter --prompt"));
}

std::vector<float> Generator::feed_prompt(const Context& ctx, const std::vector<std::int32_t>& prompt) {
  require_room(prompt);
  const auto length = static_cast<std::int64_t>(prompt.size());
  const Scratch scratch(*ctx.activations);
  const std::vector<std::int64_t> lengths = padded_lengths(context());
  const std::int64_t T = *std::lower_bound(lengths.begin(), lengths.end(), length);
  std::vector<std::int32_t> padded = prompt;
  padded.resize(static_cast<std::size_t>(T), 0);
  std::vector<std::int32_t> ordinals(padded.size());
  std::iota(ordinals.begin(), ordinals.end(), 0);
  const Tensor tokens = uploaded(ctx, padded);
  const Tensor positions = uploaded(ctx, ordinals);
  return row_of_logits(ctx, gpt_->prefill(ctx, tokens, positions, cache_, static_cast<int>(length)));
}

std::vector<float> Generator::feed(const Context& ctx, std::int32_t token, int position) {
  const Scratch scratch(*ctx.activations);
  const Tensor token_tensor = uploaded(ctx, {token});
  const Tensor position_tensor = uploaded(ctx, {position});
  return row_of_logits(ctx, gpt_->decode(ctx, token_tensor, position_tensor, cache_, position + 1));
}

std::vector<std::int32_t> Generator::generate(const std::vector<std::int32_t>& prompt, std::int64_t count,
                                              const SamplingOptions& sampling, std::int32_t stop,
                                              const std::function<void(std::int32_t)>& on_token) {
  const Context ctx = start();
  std::vector<float> logits = feed_prompt(ctx, prompt);
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
