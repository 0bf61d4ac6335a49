#include "trainer/mask_filler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace phalanx {
namespace {

constexpr std::string_view kMaskText = "[MASK]";

config::Config config_for(const checkpoint::Manifest& manifest, int ranks) {
  config::Config config = inference_config(manifest, "the number of ranks", ranks);
  if (config.objective.type == "masked_lm") return config;
  throw UsageError(str(manifest.folder,
                       ": fill needs a masked language model (objective.type: masked_lm); generate "
                       "continues a text"));
}

const Encoder& as_encoder(const Network& network) {
  const auto* encoder = dynamic_cast<const Encoder*>(&network);
  ENSURE(encoder != nullptr, "the network of a masked language model predicts no masks");
  return *encoder;
}

// Probabilities of the `count` largest logits.
std::vector<Prediction> likeliest(const std::vector<float>& logits, std::int64_t count) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float z : logits) sum += std::exp(static_cast<double>(z) - static_cast<double>(largest));
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto kept = std::min(static_cast<std::size_t>(count), order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                    [&](std::int32_t a, std::int32_t b) {
                      const float za = logits[static_cast<std::size_t>(a)];
                      const float zb = logits[static_cast<std::size_t>(b)];
                      return za != zb ? za > zb : a < b;
                    });
  std::vector<Prediction> best;
  for (std::size_t i = 0; i < kept; ++i) {
    const double z = logits[static_cast<std::size_t>(order[i])];
    best.push_back({order[i], std::exp(z - static_cast<double>(largest)) / sum});
  }
  return best;
}

}  // namespace

std::vector<std::int32_t> masked_sequence(const data::Tokenizer& tokenizer, const data::MaskedVocabulary& vocabulary,
                                          const std::string& text) {
  std::vector<std::int32_t> ids{vocabulary.cls};
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(kMaskText, begin);
    tokenizer.encode(std::string_view(text).substr(begin, end == std::string::npos ? end : end - begin), ids);
    if (end == std::string::npos) break;
    ids.push_back(vocabulary.mask);
    begin = end + kMaskText.size();
  }
  ids.push_back(vocabulary.sep);
  return ids;
}

MaskFiller::MaskFiller(const checkpoint::Manifest& manifest, const Runtime& runtime, std::vector<std::int32_t> ids,
                       std::int32_t mask)
    : ids_(std::move(ids)) {
  const config::Config config = config_for(manifest, runtime.world_size());
  for (std::size_t t = 0; t < ids_.size(); ++t) {
    if (ids_[t] == mask) slots_.push_back(static_cast<std::int32_t>(t));
  }
  if (slots_.empty()) throw UsageError(str("--text has no ", kMaskText, ": there is nothing to fill"));
  if (static_cast<std::int64_t>(ids_.size()) > config.model.context) {
    throw UsageError(str("--text has ", ids_.size(),
                         " tokens with the special ones; this model's context "
                         "(model.context) is ",
                         config.model.context));
  }
  V_ = config.model.vocabulary.value;
  model_ = load_model(manifest, config, runtime, Grid{1, runtime.world_size()},
                      [planned = batch()](const Context& ctx, const Network& network) {
                        const EncoderHeads::Logits logits = as_encoder(network).predict(ctx, planned);
                        static_cast<void>(ctx.take({ctx.shards().total, logits.tokens.size(1), logits.tokens.size(2)}));
                      });
}

MaskFiller::~MaskFiller() = default;

Batch MaskFiller::batch() const {
  Batch batch = one_document(ids_, static_cast<int>(slots_.size()), false);
  batch.slots = slots_;
  return batch;
}

std::vector<std::vector<Prediction>> MaskFiller::predict(std::int64_t count) const {
  const Context ctx = model_.replica->context();
  const Scratch scratch(*ctx.activations);
  const Tensor logits = as_encoder(model_.replica->network()).predict(ctx, batch()).tokens;
  std::vector<std::vector<Prediction>> predictions;
  for (const std::vector<float>& row : whole_vocabulary(ctx, logits, V_)) predictions.push_back(likeliest(row, count));
  return predictions;
}

}  // namespace phalanx
