// The inputs and logits of a proof as tensors of a file.
#include "trainer/hf/proof.h"
#include "trainer/hf/safetensors.h"

namespace phalanx::hf {
namespace {

constexpr std::int64_t kSequences = ProofInputs::kSequences;

class EvidenceFile {
 public:
  void add(const char* name, std::vector<std::int64_t> shape, const std::vector<std::int32_t>& values) {
    const std::vector<std::int64_t> wide(values.begin(), values.end());
    add(name, "I64", std::move(shape), wide.data(), wide.size() * sizeof(std::int64_t));
  }
  void add(const char* name, std::vector<std::int64_t> shape, const std::vector<float>& values) {
    add(name, "F32", std::move(shape), values.data(), values.size() * sizeof(float));
  }
  void write(const std::string& path) const {
    SafetensorsWriter writer(path, infos_);
    for (const std::string& bytes : contents_) writer.append(bytes.data(), static_cast<std::int64_t>(bytes.size()));
    writer.finish();
  }

 private:
  void add(const char* name, const char* dtype, std::vector<std::int64_t> shape, const void* data, std::size_t bytes) {
    infos_.push_back({.name = name, .dtype = dtype, .shape = std::move(shape)});
    contents_.emplace_back(static_cast<const char*>(data), bytes);
  }

  std::vector<TensorInfo> infos_;
  std::vector<std::string> contents_;
};

// A member of all batches, one behind the other.
std::vector<std::int32_t> all_of(const ProofInputs& inputs, std::vector<std::int32_t> Batch::*member) {
  std::vector<std::int32_t> all;
  for (const Batch& batch : inputs.batches) all.insert(all.end(), (batch.*member).begin(), (batch.*member).end());
  return all;
}

void add_causal(EvidenceFile& file, const ProofInputs& inputs) {
  std::vector<std::int32_t> tokens;
  for (const Batch& batch : inputs.batches) {
    tokens.insert(tokens.end(), batch.tokens.begin(), batch.tokens.end());
    tokens.push_back(batch.targets.back());
  }
  file.add("tokens", {kSequences, inputs.T + 1}, tokens);
  file.add("positions", {static_cast<std::int64_t>(inputs.positions.size())}, inputs.positions);
}

void add_masked(EvidenceFile& file, const ProofInputs& inputs) {
  std::vector<std::int32_t> mask;
  for (const Batch& batch : inputs.batches) {
    for (int t = 0; t < batch.T; ++t) mask.push_back(batch.document_begin[static_cast<std::size_t>(t)] == 0 ? 1 : 0);
  }
  file.add("input_ids", {kSequences, inputs.T}, all_of(inputs, &Batch::tokens));
  file.add("attention_mask", {kSequences, inputs.T}, mask);
  const std::vector<std::int32_t> types = all_of(inputs, &Batch::token_types);
  if (!types.empty()) file.add("token_type_ids", {kSequences, inputs.T}, types);
  file.add("positions", {kSequences, ProofInputs::kPredictions}, inputs.positions);
  file.add("targets", {kSequences, ProofInputs::kPredictions}, all_of(inputs, &Batch::targets));
}

}  // namespace

void write_evidence(const std::string& path, const ProofInputs& inputs, const Evidence& evidence) {
  EvidenceFile file;
  if (inputs.masked) add_masked(file, inputs);
  if (!inputs.masked) add_causal(file, inputs);
  const std::int64_t P = static_cast<std::int64_t>(inputs.positions.size()) / (inputs.masked ? kSequences : 1);
  const std::int64_t V = static_cast<std::int64_t>(evidence.logits.size()) / (kSequences * P);
  file.add("logits", {kSequences, P, V}, evidence.logits);
  if (!evidence.sentence_logits.empty()) {
    file.add("next_sentence_label", {kSequences}, all_of(inputs, &Batch::next_sentence));
    file.add("next_sentence_logits", {kSequences, 2}, evidence.sentence_logits);
  }
  file.write(path);
}

}  // namespace phalanx::hf
