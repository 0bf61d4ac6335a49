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

void write_configs(const std::string& folder, const Family& family, const config::Config& config, DType dtype,
                   const SpecialIds& ids) {
  Json json = {{"architectures", {family.architecture_of(config)}}, {"model_type", family.model_type()}};
  json.update(family.config_of(config, ids));
  for (const char* key : {"dtype", "torch_dtype"}) json[key] = name_in_torch(dtype);  // transformers 5, and 4
  write_json(folder + "/config.json", json);
  if (!family.generates()) return;
  Json generation = {{"_from_model_config", true}};
  for (const char* key : {"bos_token_id", "eos_token_id"}) generation[key] = json[key];
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
                   const ProofInputs& inputs) {
  const Evidence of_checkpoint = evidence_of(manifest, options.dtype, inputs);
  const Evidence of_folder = evidence_of(ModelFolder(folder), inputs);
  require_equal(of_checkpoint, of_folder);
  const double difference = largest_difference(of_checkpoint, of_folder);
  if (!options.logits.empty()) write_evidence(options.logits, inputs, of_folder);
  Json report = {{"format", 1},
                 {"program", str("phalanx ", program_version(), " (commit ", source_commit(), ")")},
                 {"checkpoint", manifest.folder},
                 {"step", manifest.progress.step},
                 {"dtype", name_of(options.dtype)},
                 {"max_logit_difference", difference},
                 {"loss", of_folder.loss},
                 {"sequences", ProofInputs::kSequences},
                 {"tokens_per_sequence", inputs.T}};
  if (of_folder.sentence_loss) report["next_sentence_loss"] = *of_folder.sentence_loss;
  report.update({{"positions", inputs.positions},
                 {"logits", of_folder.logits.size()},
                 {"weights_digest", digest_text(of_folder.weights)},
                 {"files", files_of(folder)}});
  write_json(folder + "/" + kReport, report);
  return {options.output, difference, of_folder.loss};
}

SpecialIds export_tokenizer(const checkpoint::Manifest& manifest, const config::Config& config,
                            const std::string& folder) {
  if (manifest.provenance.tokenizer_folder.empty()) {
    log::warning(manifest.folder, ": holds no tokenizer, so the export has none");
    return {};
  }
  return write_tokenizer(manifest.provenance.tokenizer_folder, folder,
                         {.model_max_length = config.model.context,
                          .masked = config.objective.type == "masked_lm",
                          .segments = config.model.family == "bert" && config.model.token_types.value > 1})
      .ids;
}

}  // namespace

ExportReport export_model(const checkpoint::Manifest& manifest, const ExportOptions& options) {
  const config::Config config =
      config::parse(manifest.provenance.config_yaml, manifest.folder + " (configuration)", {});
  const Family& family = family_of(config);
  StagedFolder folder(options.output);
  const SpecialIds ids = family.completed(export_tokenizer(manifest, config, folder.path()));
  write_configs(folder.path(), family, config, options.dtype, ids);
  write_weights(manifest, family.places(manifest.table, ids), options.dtype, options.shard_bytes, folder.path());
  ExportReport report = prove(manifest, options, folder.path(), ProofInputs(config, ids));
  folder.commit();
  return report;
}

}  // namespace phalanx::hf
