#include "trainer/hf/export.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/check.h"
#include "core/file.h"
#include "core/log.h"
#include "core/sha256.h"
#include "trainer/config/load.h"
#include "trainer/hf/family.h"
#include "trainer/hf/json_files.h"
#include "trainer/hf/model_folder.h"
#include "trainer/hf/staged_folder.h"
#include "trainer/hf/tokenizer_files.h"
#include "trainer/hf/write_weights.h"
#include "trainer/version.h"

namespace phalanx::hf {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kReport = "export_report.json";

std::string name_in_torch(DType dtype) {
  return dtype == DType::f32 ? "float32" : dtype == DType::bf16 ? "bfloat16" : "float16";
}

// GPT2Config would put GPT-2's own id where none is written.
Json special_ids(const std::optional<TokenizerFacts>& tokenizer) {
  const Json id = tokenizer && tokenizer->end_of_text ? Json(*tokenizer->end_of_text) : Json(nullptr);
  return {{"bos_token_id", id}, {"eos_token_id", id}};
}

void write_configs(const std::string& folder, const Family& family, const config::Model& model, DType dtype,
                   const std::optional<TokenizerFacts>& tokenizer) {
  Json config = {{"architectures", {family.architectures().front()}}, {"model_type", family.model_type()}};
  config.update(family.config_of(model));
  config.update(special_ids(tokenizer));
  for (const char* key : {"dtype", "torch_dtype"}) config[key] = name_in_torch(dtype);  // transformers 5, and 4
  write_json(folder + "/config.json", config);
  Json generation = {{"_from_model_config", true}};
  generation.update(special_ids(tokenizer));
  write_json(folder + "/generation_config.json", generation);
}

std::string digest_of_file(const std::string& path, std::int64_t& bytes) {
  constexpr std::int64_t kPart = std::int64_t{1} << 20;
  const File file = File::open_for_reading(path);
  bytes = file.bytes();
  Sha256 digest;
  std::vector<char> part(static_cast<std::size_t>(std::min(bytes, kPart)));
  for (std::int64_t done = 0; done < bytes; done += kPart) {
    const std::int64_t count = std::min(kPart, bytes - done);
    file.read(part.data(), count, done);
    digest.update(part.data(), static_cast<std::size_t>(count));
  }
  return digest.hex_digest();
}

Json files_of(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  Json files = Json::object();
  for (const std::string& name : names) {
    std::int64_t bytes = 0;
    const std::string digest = digest_of_file(str(folder, "/", name), bytes);
    files[name] = {{"bytes", bytes}, {"sha256", digest}};
  }
  return files;
}

ExportReport prove(const checkpoint::Manifest& manifest, const ExportOptions& options, const std::string& folder,
                   const config::Model& model) {
  const Evidence of_checkpoint = evidence_of(manifest, options.dtype);
  const Evidence of_folder = evidence_of(ModelFolder(folder));
  require_equal(of_checkpoint, of_folder);
  const double difference = largest_difference(of_checkpoint, of_folder);
  const ProofInputs inputs(model);
  if (!options.logits.empty()) write_evidence(options.logits, inputs, of_folder);
  write_json(folder + "/" + kReport,
             {{"format", 1},
              {"program", str("phalanx ", program_version(), " (commit ", source_commit(), ")")},
              {"checkpoint", manifest.folder},
              {"step", manifest.progress.step},
              {"dtype", name_of(options.dtype)},
              {"max_logit_difference", difference},
              {"loss", of_folder.loss},
              {"sequences", ProofInputs::kSequences},
              {"tokens_per_sequence", inputs.T},
              {"positions", inputs.positions},
              {"logits", of_folder.logits.size()},
              {"weights_digest", digest_text(of_folder.weights)},
              {"files", files_of(folder)}});
  return {options.output, difference, of_folder.loss};
}

std::optional<TokenizerFacts> export_tokenizer(const checkpoint::Manifest& manifest, const config::Model& model,
                                               const std::string& folder) {
  if (manifest.provenance.tokenizer_folder.empty()) {
    log::warning(manifest.folder, ": holds no tokenizer, so the export has none");
    return std::nullopt;
  }
  return write_tokenizer(manifest.provenance.tokenizer_folder, folder, model.context);
}

}  // namespace

ExportReport export_model(const checkpoint::Manifest& manifest, const ExportOptions& options) {
  const config::Model model =
      config::parse(manifest.provenance.config_yaml, manifest.folder + " (configuration)", {}).model;
  const Family& family = family_of(model);
  StagedFolder folder(options.output);
  write_weights(manifest, family.places(manifest.table), options.dtype, options.shard_bytes, folder.path());
  const std::optional<TokenizerFacts> tokenizer = export_tokenizer(manifest, model, folder.path());
  write_configs(folder.path(), family, model, options.dtype, tokenizer);
  ExportReport report = prove(manifest, options, folder.path(), model);
  folder.commit();
  return report;
}

}  // namespace phalanx::hf
