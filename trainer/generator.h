// Generator: text from a checkpoint. The prompt goes through the network in one pass that fills a cache of keys and
// values; then one token at a time against that cache.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "model/gpt.h"
#include "parallel/runtime.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/config.h"
#include "trainer/inference.h"
#include "trainer/sampling.h"

namespace phalanx {

class Generator {
 public:
  // Weights of `manifest` in the layout of this job: `grid` may be any that divides heads and MLP, another is a
  // UsageError. Collective.
  Generator(const checkpoint::Manifest& manifest, const Runtime& runtime, Grid grid);
  ~Generator();

  // Throws UsageError for a prompt without tokens or beyond the context.
  void require_room(const std::vector<std::int32_t>& prompt) const;

  // Continues `prompt` (at least one id) by `count` tokens, or until `stop` is drawn; the context bounds the length of
  // both together. Every rank returns the same.
  // `on_token` is called for each new token. Collective, with the same arguments on every rank.
  std::vector<std::int32_t> generate(const std::vector<std::int32_t>& prompt, std::int64_t count,
                                     const SamplingOptions& sampling, std::int32_t stop,
                                     const std::function<void(std::int32_t)>& on_token);

  [[nodiscard]] std::int64_t context() const { return config_.model.context; }

 private:
  // Logits (V) of the position after `prompt`, and after `token` at `position`.
  std::vector<float> feed_prompt(const Context& ctx, const std::vector<std::int32_t>& prompt);
  std::vector<float> feed(const Context& ctx, std::int32_t token, int position);
  [[nodiscard]] std::vector<float> row_of_logits(const Context& ctx, const Tensor& parts) const;
  Context start();  // a context with an empty cache

  config::Config config_;
  LoadedModel model_;
  const Gpt* gpt_ = nullptr;
  Gpt::Cache cache_;
};

}  // namespace phalanx
