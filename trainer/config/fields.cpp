// The keys of a run, with what a reader of `config show` needs to know of each.
#include "trainer/config/fields.h"

#include <algorithm>

namespace phalanx::config {
namespace {

template <class Member>
struct MemberValue;
template <class Section, class T>
struct MemberValue<T Section::*> {
  using Type = T;
};

template <auto Section, auto Member>
constexpr Access<typename MemberValue<decltype(Member)>::Type> at() {
  using T = typename MemberValue<decltype(Member)>::Type;
  return {[](Config& c) -> T& { return (c.*Section).*Member; },
          [](const Config& c) -> const T& { return (c.*Section).*Member; }};
}

template <auto M>
constexpr auto run = at<&Config::run, M>;
template <auto M>
constexpr auto model = at<&Config::model, M>;
template <auto M>
constexpr auto objective = at<&Config::objective, M>;
template <auto M>
constexpr auto data = at<&Config::data, M>;
template <auto M>
constexpr auto parallel = at<&Config::parallel, M>;
template <auto M>
constexpr auto training = at<&Config::training, M>;
template <auto M>
constexpr auto optimizer = at<&Config::optimizer, M>;
template <auto M>
constexpr auto schedule = at<&Config::schedule, M>;
template <auto M>
constexpr auto evaluation = at<&Config::evaluation, M>;
template <auto M>
constexpr auto checkpoint = at<&Config::checkpoint, M>;
template <auto M>
constexpr auto metrics = at<&Config::metrics, M>;

Limits any() { return {}; }
Limits from_to(double least, double most) { return {least, most, false, {}}; }
Limits from_below(double least, double most) { return {least, most, true, {}}; }
Limits one_of(std::vector<std::string_view> choices) {
  Limits limits;
  limits.choices = std::move(choices);
  return limits;
}
Limits fraction() { return from_to(0, 1); }
Limits rate() { return from_below(0, 1); }

// Upper ends of sizes: far beyond any real run, low enough that no product of a few of them overflows 64 bits.
constexpr double kMaxSteps = 1LL << 40;  // ordinals of sequences have 40 bits
constexpr double kMaxBatch = 1 << 22;    // sequences
constexpr double kMaxLayers = 4096;      // the random numbers' key has 16 bits for the parameter's ordinal
constexpr double kMaxWidth = 1 << 20;    // elements
constexpr double kMaxContext = 1 << 22;  // tokens
constexpr double kMaxVocabulary = 1 << 24;
constexpr double kMaxRanks = 1 << 20;
constexpr double kMaxSeconds = 1e9;

const std::vector<Field>& list() {
  static const std::vector<Field> all = {
      {"run.name", run<&Run::name>(), "", "what the run is called in metrics, logs and dashboards", any()},
      {"run.output", run<&Run::output>(), "folder", "where the run writes checkpoints, metrics and status", any()},
      {"run.seed", run<&Run::seed>(), "", "key of every random number: initial values, order of samples, dropout",
       any()},
      {"run.device", run<&Run::device>(), "", "where it computes; auto: a GPU where every rank has one, else the CPU",
       one_of({"auto", "cpu", "cuda"})},
      {"run.reproducible", run<&Run::reproducible>(), "",
       "what gives the same bits again: nothing, the same layout, any layout",
       one_of({"none", "same_layout", "layout"})},
      {"run.tensor_shards", run<&Run::tensor_shards>(), "shards",
       "for reproducible: layout, the virtual tensor shards that sums run over; auto: the largest divisor up to 8 of "
       "heads and MLP",
       from_to(1, kMaxRanks)},
      {"run.data_shards", run<&Run::data_shards>(), "shards",
       "for reproducible: layout, the virtual batch shards that sums run over; auto: the largest divisor up to 8 of "
       "training.global_batch",
       from_to(1, kMaxRanks)},
      {"run.digest_every", run<&Run::digest_every>(), "steps",
       "how often the state is watched from an update to the next, and its digest recorded; 0: never",
       from_to(0, kMaxSteps)},
      {"run.hang_timeout", run<&Run::hang_timeout>(), "seconds",
       "longest time of a step, then the job ends; auto: the larger of 60 and 20 x the median step",
       from_to(1, kMaxSeconds)},

      {"model.family", model<&Model::family>(), "",
       "gpt: causal decoder; bert: bidirectional encoder; modern_encoder: ModernBERT's, with rotary positions and "
       "local attention",
       one_of({"gpt", "bert", "modern_encoder"})},
      {"model.layers", model<&Model::layers>(), "", "transformer layers", from_to(1, kMaxLayers)},
      {"model.hidden", model<&Model::hidden>(), "", "width of the residual stream", from_to(1, kMaxWidth)},
      {"model.heads", model<&Model::heads>(), "", "attention heads; must divide model.hidden", from_to(1, kMaxWidth)},
      {"model.ffn", model<&Model::ffn>(), "", "width of the MLP; auto: 4 * model.hidden", from_to(1, 4 * kMaxWidth)},
      {"model.context", model<&Model::context>(), "tokens", "length of a training sequence", from_to(1, kMaxContext)},
      {"model.vocabulary", model<&Model::vocabulary>(), "tokens", "size of the vocabulary; auto: the tokenizer's",
       from_to(1, kMaxVocabulary)},
      {"model.dropout", model<&Model::dropout>(), "", "dropout of embeddings and residual branches", rate()},
      {"model.attention_dropout", model<&Model::attention_dropout>(), "", "dropout of attention probabilities", rate()},
      {"model.activation", model<&Model::activation>(), "", "of the MLP", one_of({"gelu_tanh", "gelu_erf"})},
      {"model.token_types", model<&Model::token_types>(), "",
       "bert: rows of the table that tells segments apart; auto: 2 with objective.next_sentence, else 0",
       from_to(0, 2)},
      {"model.positions", model<&Model::positions>(), "", "how positions enter", one_of({"learned"})},
      {"model.tie_embeddings", model<&Model::tie_embeddings>(), "",
       "the output head uses the token embedding's weights", any()},
      {"model.init_std", model<&Model::init_std>(), "", "standard deviation of initial weights", from_to(0, 100)},
      {"model.norm_epsilon", model<&Model::norm_epsilon>(), "",
       "added to the variance in norms; 0: as published, 1e-12 for bert, else 1e-5", from_to(0, 1)},

      {"objective.type", objective<&Objective::type>(), "", "what is predicted: the next token, or masked tokens",
       one_of({"causal_lm", "masked_lm"})},
      {"objective.mask_probability", objective<&Objective::mask_probability>(), "",
       "masked_lm: share of tokens that are predicted", fraction()},
      {"objective.mask_token", objective<&Objective::mask_token>(), "",
       "masked_lm: share of predicted tokens that the mask token replaces", fraction()},
      {"objective.random_token", objective<&Objective::random_token>(), "",
       "masked_lm: share of predicted tokens that a random token replaces", fraction()},
      {"objective.whole_word", objective<&Objective::whole_word>(), "", "masked_lm: mask words as a whole", any()},
      {"objective.span", objective<&Objective::span>(), "tokens",
       "masked_lm: longest run masked together, in words with whole_word; runs of n come with weight 1/n",
       from_to(1, 64)},
      {"objective.next_sentence", objective<&Objective::next_sentence>(), "",
       "masked_lm: predict too whether B follows A", any()},

      {"data.train", data<&Data::train>(), "", "list of {path: folder of token shards, weight: relative share}", any()},
      {"data.validation", data<&Data::validation>(), "folder", "token shards for evaluation; empty: none", any()},
      {"data.prefetch", data<&Data::prefetch>(), "steps", "batches prepared ahead", from_to(1, 4096)},
      {"data.document_attention", data<&Data::document_attention>(), "",
       "attention and positions stay inside a document", any()},

      {"parallel.data", parallel<&Parallel::data>(), "ranks", "parts of the batch; auto: world size / parallel.tensor",
       from_to(1, kMaxRanks)},
      {"parallel.tensor", parallel<&Parallel::tensor>(), "ranks", "parts of heads, MLP and vocabulary",
       from_to(1, kMaxRanks)},
      {"parallel.sequence", parallel<&Parallel::sequence>(), "",
       "cut norms and dropout along the sequence over tensor ranks", any()},
      {"parallel.shard_optimizer", parallel<&Parallel::shard_optimizer>(), "",
       "each data rank keeps only its part of masters and moments", any()},
      {"parallel.bucket_mb", parallel<&Parallel::bucket_mb>(), "MiB", "fp32 gradients reduced at once",
       from_to(1, 1 << 16)},
      {"parallel.comm", parallel<&Parallel::comm>(), "",
       "how ranks on GPUs talk: nccl, or staged, through host memory; auto: staged where ranks share a GPU",
       one_of({"auto", "nccl", "staged"})},

      {"training.steps", training<&Training::steps>(), "steps", "updates of the whole run", from_to(1, kMaxSteps)},
      {"training.global_batch", training<&Training::global_batch>(), "sequences", "of one update, over all ranks",
       from_to(1, kMaxBatch)},
      {"training.micro_batch", training<&Training::micro_batch>(), "sequences", "that one rank computes at once",
       from_to(1, kMaxBatch)},
      {"training.precision", training<&Training::precision>(), "",
       "of weights and activations; masters and sums are fp32", one_of({"fp32", "bf16", "fp16"})},
      {"training.recompute", training<&Training::recompute>(), "",
       "activations that backward computes again to save memory", one_of({"none", "selective", "full"})},
      {"training.gradient_clip", training<&Training::gradient_clip>(), "",
       "largest global norm of the gradient; 0: no limit", from_to(0, 1e30)},
      {"training.phases", training<&Training::phases>(), "",
       "list of {steps, context, global_batch, micro_batch, learning_rate, warmup_steps}, one after the other; the "
       "schedule begins anew in each, what is left out is as for the whole run; []: the run is one phase",
       any()},
      {"training.batch_ramp", training<&Training::batch_ramp>(), "",
       "{from, to, steps}: the global batch grows in equal stages of `from` sequences over the first steps; or none",
       any()},

      {"optimizer.type", optimizer<&Optimizer::type>(), "", "update rule; lamb: AdamW with a trust ratio per tensor",
       one_of({"adamw", "lamb"})},
      {"optimizer.learning_rate", optimizer<&Optimizer::learning_rate>(), "", "peak rate, at the end of warm-up",
       from_to(0, 1e6)},
      {"optimizer.beta1", optimizer<&Optimizer::beta1>(), "", "decay of the first moment", rate()},
      {"optimizer.beta2", optimizer<&Optimizer::beta2>(), "", "decay of the second moment", rate()},
      {"optimizer.epsilon", optimizer<&Optimizer::epsilon>(), "", "added to the root of the second moment",
       from_to(1e-30, 1)},
      {"optimizer.weight_decay", optimizer<&Optimizer::weight_decay>(), "",
       "decoupled decay of matrices and embeddings", from_to(0, 1e6)},

      {"schedule.type", schedule<&Schedule::type>(), "", "how the rate falls after warm-up",
       one_of({"constant", "linear", "cosine", "polynomial", "wsd"})},
      {"schedule.warmup_steps", schedule<&Schedule::warmup_steps>(), "steps", "in which the rate rises to its peak",
       from_to(0, kMaxSteps)},
      {"schedule.final_fraction", schedule<&Schedule::final_fraction>(), "",
       "rate of the last step as a share of the peak", fraction()},
      {"schedule.power", schedule<&Schedule::power>(), "", "polynomial: exponent of the fall", from_to(1e-3, 1e3)},
      {"schedule.decay_fraction", schedule<&Schedule::decay_fraction>(), "",
       "wsd: share of the steps in which the rate falls", fraction()},

      {"evaluation.every", evaluation<&Evaluation::every>(), "steps", "between evaluations; 0: never",
       from_to(0, kMaxSteps)},
      {"evaluation.samples", evaluation<&Evaluation::samples>(), "sequences",
       "the first windows of data.validation in file order", from_to(1, kMaxSteps)},

      {"checkpoint.every", checkpoint<&Checkpoint::every>(), "steps", "between checkpoints; 0: only at the end",
       from_to(0, kMaxSteps)},
      {"checkpoint.keep", checkpoint<&Checkpoint::keep>(), "checkpoints", "newest ones that are kept",
       from_to(1, 1 << 20)},
      {"checkpoint.keep_every", checkpoint<&Checkpoint::keep_every>(), "steps",
       "checkpoints of these steps are kept for ever; 0: none", from_to(0, kMaxSteps)},
      {"checkpoint.asynchronous", checkpoint<&Checkpoint::asynchronous>(), "",
       "write while training goes on, from a copy of the state", any()},
      {"checkpoint.on_signal", checkpoint<&Checkpoint::on_signal>(), "",
       "SIGUSR1, SIGTERM or SIGINT saves before the run stops", any()},

      {"metrics.prometheus", metrics<&Metrics::prometheus>(), "address:port",
       "where rank 0 serves metrics; port 0: a free one; empty: nowhere", any()},
      {"metrics.per_rank", metrics<&Metrics::per_rank>(), "",
       "every rank serves its own /metrics, at port + number on its host", any()},
      {"metrics.console_every", metrics<&Metrics::console_every>(), "steps", "between lines of the console; 0: none",
       from_to(0, kMaxSteps)},
      {"metrics.tensorboard", metrics<&Metrics::tensorboard>(), "",
       "write TensorBoard event files too, in tensorboard/ of the run folder", any()},
  };
  return all;
}

}  // namespace

const std::vector<Field>& fields() { return list(); }

const Field* find_field(std::string_view key) {
  const auto found = std::find_if(list().begin(), list().end(), [&](const Field& field) { return field.key == key; });
  return found == list().end() ? nullptr : &*found;
}

std::string_view section_of(std::string_view key) { return key.substr(0, key.find('.')); }

std::string_view leaf_of(std::string_view key) {
  const auto dot = key.find('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

}  // namespace phalanx::config
