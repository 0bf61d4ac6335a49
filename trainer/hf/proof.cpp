#include "trainer/hf/proof.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/check.h"
#include "model/encoder.h"
#include "model/gpt.h"
#include "parallel/comm_self.h"
#include "trainer/build.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/held_state.h"
#include "trainer/hf/elements.h"
#include "trainer/load_state.h"
#include "trainer/state_digest.h"

namespace phalanx::hf {
namespace {

constexpr std::int64_t kSequences = ProofInputs::kSequences;

// Adds the sums of one sequence.
void run_loss(const Context& ctx, const Network& network, const Batch& batch, const Tensor& sums) {
  const Scratch scratch(*ctx.activations);
  network.forward_loss(ctx, batch, sums);
}

// Gives the logits (1, 1, padded V) of position `length` - 1 of one sequence to `read`.
template <class Read>
void run_causal(const Context& outer, const Gpt& gpt, const Batch& batch, int length, Read&& read) {
  const Scratch scratch(*outer.activations);
  Context ctx = outer;
  ctx.sequences = ctx.take({1}, DType::i64);
  const Gpt::Cache cache = gpt.make_cache(ctx, 1);
  const Tensor ids = ctx.take({batch.T}, DType::i32);
  const Tensor positions = ctx.take({batch.T}, DType::i32);
  if (!ctx.exec.planning()) {
    std::ranges::copy(batch.tokens, ids.as<std::int32_t>());
    std::ranges::copy(batch.positions, positions.as<std::int32_t>());
  }
  read(gpt.prefill(ctx, ids, positions, cache, length));
}

// Gives the logits (1, P, padded V) and perhaps (1, 2) of one sequence to `read`.
template <class Read>
void run_masked(const Context& ctx, const Encoder& encoder, const Batch& batch, Read&& read) {
  const Scratch scratch(*ctx.activations);
  read(encoder.predict(ctx, batch));
}

// A network of `config` on one rank, ready to compute the evidence once its replica holds the weights.
class Prover {
 public:
  Prover(const config::Config& config, const ProofInputs& inputs)
      : inputs_(inputs), V_(config.model.vocabulary.value), self_(make_self_communicator("self")) {
    config::Config alone = config;
    alone.run.reproducible = "same_layout";  // one shard, whatever the run that was saved had
    alone.training.precision = "fp32";
    alone.parallel.tensor = 1;
    ReplicaOptions options = replica_options(alone, Grid{1, 1}, 0);
    options.training = false;
    replica_ = std::make_unique<Replica>(options, *self_, *self_, [this](const Context& ctx, const Network& network) {
      const Batch& batch = inputs_.batches.front();
      run_loss(ctx, network, batch, ctx.take({kLossSums}, DType::f64));
      if (inputs_.masked) {
        run_masked(ctx, as<Encoder>(network), batch, [](const EncoderHeads::Logits&) {});
      } else {
        run_causal(ctx, as<Gpt>(network), batch, 1, [](const Tensor&) {});
      }
    });
  }

  Replica& replica() { return *replica_; }
  Communicator& self() { return *self_; }

  Evidence run() {
    replica_->publish_masters();
    Evidence evidence;
    evidence.weights = sum_digests(digest_held_state(*replica_), replica_->layout().table(), *self_).master;
    add_losses(evidence);
    for (const Batch& batch : inputs_.batches) {
      if (inputs_.masked) {
        add_masked_logits(batch, evidence);
      } else {
        add_causal_logits(batch, evidence);
      }
    }
    return evidence;
  }

 private:
  template <class Kind>
  static const Kind& as(const Network& network) {
    const auto* kind = dynamic_cast<const Kind*>(&network);
    ENSURE(kind != nullptr, "the network does not predict what its objective asks for");
    return *kind;
  }

  void add_losses(Evidence& evidence) {
    double tokens = 0, sentences = 0;
    std::int64_t predicted = 0;
    for (const Batch& batch : inputs_.batches) {
      const Context ctx = fresh_context();
      fill_zero(replica_->loss_sums(), {});
      run_loss(ctx, replica_->network(), batch, replica_->loss_sums());
      const LossSums sums = replica_->read_loss_sums();
      tokens += sums[kTokenLoss];
      sentences += sums[kSentenceLoss];
      predicted += batch.predicted;
    }
    evidence.loss = tokens / static_cast<double>(predicted);
    const bool pairs = !inputs_.batches.front().next_sentence.empty();
    if (pairs) evidence.sentence_loss = sentences / static_cast<double>(kSequences);
  }

  void add_causal_logits(const Batch& batch, Evidence& evidence) {
    for (const std::int32_t position : inputs_.positions) {
      run_causal(fresh_context(), as<Gpt>(replica_->network()), batch, position + 1,
                 [&](const Tensor& found) { add(found.as<float>(), V_, evidence.logits); });
    }
  }

  void add_masked_logits(const Batch& batch, Evidence& evidence) {
    run_masked(fresh_context(), as<Encoder>(replica_->network()), batch, [&](const EncoderHeads::Logits& found) {
      const std::int64_t padded = found.tokens.size(2);
      for (int p = 0; p < batch.P; ++p) add(found.tokens.as<float>() + p * padded, V_, evidence.logits);
      if (!found.sentences.defined()) return;
      add(found.sentences.as<float>(), found.sentences.count(), evidence.sentence_logits);
    });
  }

  static void add(const float* values, std::int64_t count, std::vector<float>& logits) {
    const bool finite = std::all_of(values, values + count, [](float value) { return std::isfinite(value); });
    if (!finite) throw Error("logits are not finite: the weights are damaged or diverged");
    logits.insert(logits.end(), values, values + count);
  }

  Context fresh_context() {
    Context ctx = replica_->context();
    ctx.activations->reset();
    return ctx;
  }

  const ProofInputs& inputs_;
  std::int64_t V_;
  std::unique_ptr<Communicator> self_;
  std::unique_ptr<Replica> replica_;
};

}  // namespace

Evidence evidence_of(const checkpoint::Manifest& manifest, DType dtype, const ProofInputs& inputs) {
  const config::Config config =
      config::parse(manifest.provenance.config_yaml, manifest.folder + " (configuration)", {});
  Prover prover(config, inputs);
  load_state(prover.replica(), manifest, checkpoint::Parts::weights, prover.self());
  const Tensor& master = prover.replica().optimizer().master();
  round_values(master.as<float>(), master.count(), dtype);
  try {
    return prover.run();
  } catch (const Error& error) {
    throw Error(str(manifest.folder, ": ", error.what()));
  }
}

Evidence evidence_of(const ModelFolder& folder, const ProofInputs& inputs) {
  Prover prover(folder.config(), inputs);
  load(folder, owned_state(prover.replica()));
  return prover.run();
}

double largest_difference(const Evidence& a, const Evidence& b) {
  double largest = 0;
  for (const auto member : {&Evidence::logits, &Evidence::sentence_logits}) {
    const std::vector<float>&of_a = a.*member, &of_b = b.*member;
    ENSURE(of_a.size() == of_b.size(), of_a.size(), " logits, ", of_b.size(), " logits");
    for (std::size_t i = 0; i < of_a.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(of_a[i]) - static_cast<double>(of_b[i])));
    }
  }
  return largest;
}

void require_equal(const Evidence& checkpoint, const Evidence& folder) {
  const double difference = largest_difference(checkpoint, folder);
  const bool losses = checkpoint.loss == folder.loss && checkpoint.sentence_loss == folder.sentence_loss;
  if (checkpoint.weights == folder.weights && difference == 0 && losses) return;
  throw Error(str("the folder that was written is not the model of the checkpoint: digests of weights ",
                  digest_text(checkpoint.weights), " and ", digest_text(folder.weights),
                  ", logits that differ by up to ", difference, ", losses ", checkpoint.loss, " and ", folder.loss,
                  "; it was removed"));
}

}  // namespace phalanx::hf
