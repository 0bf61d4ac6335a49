// The configuration of a run: one struct per YAML section. Defaults and units stand beside each field; keys, help and
// validation come from the field list in fields.cpp. Read once, never looked up by string afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace phalanx::config {

// A size that may be left to the program: written `auto`, or a number.
struct AutoInt {
  std::int64_t value = -1;  // -1: auto
  [[nodiscard]] bool is_auto() const { return value < 0; }
  bool operator==(const AutoInt&) const = default;
};

struct Run {
  std::string name = "run";
  std::string output = "runs/run";  // folder
  std::uint64_t seed = 1234;
  std::string device = "auto";               // auto | cpu | cuda
  std::string reproducible = "same_layout";  // none | same_layout | layout
  AutoInt tensor_shards;                     // for layout: virtual tensor shards
  AutoInt data_shards;                       // for layout: virtual data shards
  std::int64_t digest_every = 100;           // steps; 0: never
  AutoInt hang_timeout;                      // seconds
  [[nodiscard]] bool same_on_any_layout() const { return reproducible == "layout"; }
  bool operator==(const Run&) const = default;
};

struct Model {
  std::string family = "gpt";  // gpt | bert | modern_encoder
  std::int64_t layers = 12, hidden = 768, heads = 12;
  AutoInt ffn;  // auto: 4 * hidden
  std::int64_t context = 1024;
  AutoInt vocabulary;  // auto: the tokenizer's
  double dropout = 0.0, attention_dropout = 0.0;
  std::string activation = "gelu_tanh";  // gelu_tanh | gelu_erf
  AutoInt token_types{};                 // rows of the segment table; auto: 2 with objective.next_sentence, else none
  std::string positions = "learned";
  bool tie_embeddings = true;
  double init_std = 0.02;
  double norm_epsilon = 0.0;  // added to the variance; 0: as published, see norm_epsilon.h
  bool operator==(const Model&) const = default;
};

struct Objective {
  std::string type = "causal_lm";  // causal_lm | masked_lm
  double mask_probability = 0.15;  // masked_lm: share of tokens that are predicted
  double mask_token = 0.8;         // of those: share replaced by the mask token
  double random_token = 0.1;       // of those: share replaced by a random token; the rest stay
  bool whole_word = false;         // masked_lm: words are masked as a whole
  std::int64_t span = 1;           // masked_lm: longest run that is masked together
  bool next_sentence = false;      // masked_lm: with next-sentence prediction
  bool operator==(const Objective&) const = default;
};

struct Source {
  std::string path;
  double weight = 1.0;
  bool operator==(const Source&) const = default;
};

struct Data {
  std::vector<Source> train;
  std::string validation;     // folder; empty: none
  std::int64_t prefetch = 4;  // steps
  bool document_attention = true;
  bool operator==(const Data&) const = default;
};

struct Parallel {
  AutoInt data;             // ranks; auto: world size / tensor
  std::int64_t tensor = 1;  // ranks
  bool sequence = false;
  bool shard_optimizer = true;
  AutoInt bucket_mb;          // MiB of fp32 gradients per bucket
  std::string comm = "auto";  // how GPUs talk: auto | nccl | staged (through host memory)
  bool operator==(const Parallel&) const = default;
};

// A stretch of a run with sizes and a schedule of its own; what is auto (or no rate) is as for the whole run.
struct Phase {
  std::int64_t steps = 0;
  AutoInt context{}, global_batch{}, micro_batch{};
  double learning_rate = -1.0;  // -1: optimizer.learning_rate
  AutoInt warmup_steps{};
  bool operator==(const Phase&) const = default;
};

// The global batch of the first steps; stage.h has the formula. No steps: none.
struct BatchRamp {
  std::int64_t from = 0, to = 0;  // sequences
  std::int64_t steps = 0;
  bool operator==(const BatchRamp&) const = default;
};

struct Training {
  std::int64_t steps = 1000;
  std::int64_t global_batch = 32, micro_batch = 8;  // sequences
  std::string precision = "fp32";                   // fp32 | bf16
  std::string recompute = "none";                   // none | selective | full
  double gradient_clip = 1.0;                       // global norm; 0: off
  std::vector<Phase> phases{};                      // one after the other; empty: the run is one
  BatchRamp batch_ramp{};
  bool operator==(const Training&) const = default;
};

struct Optimizer {
  std::string type = "adamw";
  double learning_rate = 1.0e-3, beta1 = 0.9, beta2 = 0.95, epsilon = 1.0e-8, weight_decay = 0.1;
  bool operator==(const Optimizer&) const = default;
};

struct Schedule {
  std::string type = "cosine";  // constant | linear | cosine | polynomial | wsd
  std::int64_t warmup_steps = 0;
  double final_fraction = 0.1;  // of the peak rate, at the last step
  double power = 1.0;           // polynomial
  double decay_fraction = 0.2;  // wsd: share of the steps that decay
  bool operator==(const Schedule&) const = default;
};

struct Evaluation {
  std::int64_t every = 100;    // steps; 0: never
  std::int64_t samples = 640;  // windows
  bool operator==(const Evaluation&) const = default;
};

struct Checkpoint {
  std::int64_t every = 200;     // steps; 0: only at the end
  std::int64_t keep = 3;        // newest ones kept
  std::int64_t keep_every = 0;  // every n-th step kept for ever; 0: none
  bool asynchronous = true;     // written while training goes on, from a copy of masters and moments
  bool on_signal = true;
  bool operator==(const Checkpoint&) const = default;
};

struct Metrics {
  std::string prometheus = "127.0.0.1:9464";  // address:port; port 0: a free one; empty: no server
  bool per_rank = false;
  std::int64_t console_every = 10;  // steps
  bool tensorboard = false;
  bool operator==(const Metrics&) const = default;
};

struct Config {
  Run run;
  Model model;
  Objective objective;
  Data data;
  Parallel parallel;
  Training training;
  Optimizer optimizer;
  Schedule schedule;
  Evaluation evaluation;
  Checkpoint checkpoint;
  Metrics metrics;
  bool operator==(const Config&) const = default;
};

}  // namespace phalanx::config
