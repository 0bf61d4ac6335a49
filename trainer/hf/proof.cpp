#include "trainer/hf/proof.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <set>

#include "core/check.h"
#include "core/random.h"
#include "model/gpt.h"
#include "parallel/comm_self.h"
#include "trainer/build.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/held_state.h"
#include "trainer/hf/elements.h"
#include "trainer/hf/safetensors.h"
#include "trainer/load_state.h"
#include "trainer/state_digest.h"

namespace phalanx::hf {
namespace {

constexpr std::int64_t kSequences = ProofInputs::kSequences;

const Gpt& as_gpt(const Network& network) {
  const auto* gpt = dynamic_cast<const Gpt*>(&network);
  ENSURE(gpt != nullptr, "only causal models can be compared");
  return *gpt;
}

// Adds the sums of one sequence.
void run_loss(const Context& ctx, const Network& network, const Batch& batch, const Tensor& sums) {
  const Scratch scratch(*ctx.activations);
  network.forward_loss(ctx, batch, sums);
}

// Gives the logits (1, 1, padded V) of position `length` - 1 of one sequence to `read`; `tokens` is null while
// planning.
template <class Read>
void run_logits(const Context& outer, const Network& network, std::int64_t T, int length, const std::int32_t* tokens,
                Read&& read) {
  const Gpt& gpt = as_gpt(network);
  const Scratch scratch(*outer.activations);
  Context ctx = outer;
  ctx.sequences = ctx.take({1}, DType::i64);
  const Gpt::Cache cache = gpt.make_cache(ctx, 1);
  const Tensor ids = ctx.take({T}, DType::i32);
  const Tensor positions = ctx.take({T}, DType::i32);
  if (tokens != nullptr) {
    std::copy_n(tokens, T, ids.as<std::int32_t>());
    std::iota(positions.as<std::int32_t>(), positions.as<std::int32_t>() + T, 0);
  }
  read(gpt.prefill(ctx, ids, positions, cache, length));
}

Batch batch_of(const ProofInputs& inputs, std::int64_t sequence) {
  Batch batch = empty_batch({.B = 1, .T = static_cast<int>(inputs.T)});
  const std::int32_t* tokens = inputs.tokens.data() + sequence * (inputs.T + 1);
  std::copy_n(tokens, inputs.T, batch.tokens.begin());
  std::copy_n(tokens + 1, inputs.T, batch.targets.begin());
  std::iota(batch.positions.begin(), batch.positions.end(), 0);
  std::fill(batch.document_begin.begin(), batch.document_begin.end(), 0);
  std::fill(batch.document_end.begin(), batch.document_end.end(), static_cast<std::int32_t>(inputs.T));
  batch.sequences = {sequence};
  batch.predicted = inputs.T;
  return batch;
}

// A network of `model` on one rank, ready to compute the evidence once `state` holds its weights.
class Prover {
 public:
  explicit Prover(const config::Config& config)
      : inputs_(config.model), V_(config.model.vocabulary.value), self_(make_self_communicator("self")) {
    config::Config alone = config;
    alone.run.reproducible = "same_layout";  // one shard, whatever the run that was saved had
    alone.training.precision = "fp32";
    alone.parallel.tensor = 1;
    ReplicaOptions options = replica_options(alone, Grid{1, 1}, 0);
    options.training = false;
    replica_ = std::make_unique<Replica>(options, *self_, *self_, [this](const Context& ctx, const Network& network) {
      const Batch batch = empty_batch({.B = 1, .T = static_cast<int>(inputs_.T)});
      run_loss(ctx, network, batch, ctx.take({kLossSums}, DType::f64));
      run_logits(ctx, network, inputs_.T, 1, nullptr, [](const Tensor&) {});
    });
  }

  Replica& replica() { return *replica_; }
  Communicator& self() { return *self_; }

  Evidence run() {
    replica_->publish_masters();
    Evidence evidence;
    evidence.weights = sum_digests(digest_held_state(*replica_), replica_->layout().table(), *self_).master;
    double sum = 0;
    for (std::int64_t s = 0; s < kSequences; ++s) sum += loss_sum_of(s);
    evidence.loss = sum / static_cast<double>(kSequences * inputs_.T);
    for (std::int64_t s = 0; s < kSequences; ++s) {
      for (const std::int32_t position : inputs_.positions) add_logits(s, position, evidence.logits);
    }
    return evidence;
  }

 private:
  double loss_sum_of(std::int64_t sequence) {
    const Context ctx = fresh_context();
    fill_zero(replica_->loss_sums(), {});
    run_loss(ctx, replica_->network(), batch_of(inputs_, sequence), replica_->loss_sums());
    return replica_->read_loss_sums()[kTokenLoss];
  }

  void add_logits(std::int64_t sequence, std::int32_t position, std::vector<float>& logits) {
    const std::int32_t* tokens = inputs_.tokens.data() + sequence * (inputs_.T + 1);
    run_logits(fresh_context(), replica_->network(), inputs_.T, position + 1, tokens, [&](const Tensor& found) {
      const float* values = found.as<float>();
      for (std::int64_t v = 0; v < V_; ++v) {
        if (!std::isfinite(values[v])) throw Error("logits are not finite: the weights are damaged or diverged");
      }
      logits.insert(logits.end(), values, values + V_);
    });
  }

  Context fresh_context() {
    Context ctx = replica_->context();
    ctx.activations->reset();
    return ctx;
  }

  ProofInputs inputs_;
  std::int64_t V_;
  std::unique_ptr<Communicator> self_;
  std::unique_ptr<Replica> replica_;
};

}  // namespace

ProofInputs::ProofInputs(const config::Model& model) : T(std::min(model.context, kLongest)) {
  for (std::int64_t s = 0; s < kSequences; ++s) {
    const RandomKey key{
        .seed = 0, .purpose = Purpose::benchmark_tokens, .layer = 0, .position = static_cast<std::uint64_t>(s)};
    for (std::int64_t t = 0; t <= T; ++t) {
      const std::uint64_t bits = random_u64(key, static_cast<std::uint64_t>(t));
      tokens.push_back(static_cast<std::int32_t>(bits % static_cast<std::uint64_t>(model.vocabulary.value)));
    }
  }
  std::set<std::int32_t> chosen{0};
  for (const std::int64_t quarter : {1, 2, 3, 4}) {
    chosen.insert(static_cast<std::int32_t>(std::max<std::int64_t>(T * quarter / 4, 1) - 1));
  }
  positions.assign(chosen.begin(), chosen.end());
}

Evidence evidence_of(const checkpoint::Manifest& manifest, DType dtype) {
  const config::Config config =
      config::parse(manifest.provenance.config_yaml, manifest.folder + " (configuration)", {});
  Prover prover(config);
  load_state(prover.replica(), manifest, checkpoint::Parts::weights, prover.self());
  const Tensor& master = prover.replica().optimizer().master();
  round_values(master.as<float>(), master.count(), dtype);
  try {
    return prover.run();
  } catch (const Error& error) {
    throw Error(str(manifest.folder, ": ", error.what()));
  }
}

Evidence evidence_of(const ModelFolder& folder) {
  Prover prover(folder.config());
  load(folder, owned_state(prover.replica()));
  return prover.run();
}

double largest_difference(const Evidence& a, const Evidence& b) {
  ENSURE(a.logits.size() == b.logits.size(), a.logits.size(), " logits, ", b.logits.size(), " logits");
  double largest = 0;
  for (std::size_t i = 0; i < a.logits.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a.logits[i]) - static_cast<double>(b.logits[i])));
  }
  return largest;
}

void require_equal(const Evidence& checkpoint, const Evidence& folder) {
  const double difference = largest_difference(checkpoint, folder);
  if (checkpoint.weights == folder.weights && difference == 0 && checkpoint.loss == folder.loss) return;
  throw Error(str("the folder that was written is not the model of the checkpoint: digests of weights ",
                  digest_text(checkpoint.weights), " and ", digest_text(folder.weights),
                  ", logits that differ by up to ", difference, ", losses ", checkpoint.loss, " and ", folder.loss,
                  "; it was removed"));
}

void write_evidence(const std::string& path, const ProofInputs& inputs, const Evidence& evidence) {
  const auto P = static_cast<std::int64_t>(inputs.positions.size());
  const std::int64_t V = static_cast<std::int64_t>(evidence.logits.size()) / (kSequences * P);
  SafetensorsWriter writer(path, {{.name = "tokens", .dtype = "I64", .shape = {kSequences, inputs.T + 1}},
                                  {.name = "positions", .dtype = "I64", .shape = {P}},
                                  {.name = "logits", .dtype = "F32", .shape = {kSequences, P, V}}});
  for (const std::vector<std::int32_t>* ids : {&inputs.tokens, &inputs.positions}) {
    const std::vector<std::int64_t> wide(ids->begin(), ids->end());
    writer.append(wide.data(), static_cast<std::int64_t>(wide.size() * sizeof(std::int64_t)));
  }
  writer.append(evidence.logits.data(), static_cast<std::int64_t>(evidence.logits.size() * sizeof(float)));
  writer.finish();
}

}  // namespace phalanx::hf
