// phalanx export: a checkpoint as a folder that other programs open.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "core/check.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/commands/command.h"
#include "trainer/hf/export.h"
#include "trainer/threads.h"

namespace phalanx::commands {
namespace {

struct Options {
  std::string checkpoint;
  std::string format = "hf";
  std::string dtype = "fp32";
  hf::ExportOptions to;
};

int run(const Options& options, const Runtime& runtime) {
  if (runtime.world_size() > 1) throw UsageError("export is the work of one process; start it without mpirun");
  set_threads(runtime);
  hf::ExportOptions to = options.to;
  to.dtype = dtype_from_name(options.dtype);
  const hf::ExportReport report =
      hf::export_model(checkpoint::read_manifest(checkpoint::resolve(options.checkpoint)), to);
  std::cout << report.folder << ": read again, logits differ by " << report.max_logit_difference << " at most, loss "
            << report.loss << '\n';
  return 0;
}

}  // namespace

void add_export(CLI::App& app, Selection& selection) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("export", "Write a checkpoint for other programs, and prove it the same model");
  command->add_option("--checkpoint", options->checkpoint, "checkpoint folder, or a run folder for its newest one")
      ->required();
  command->add_option("--output", options->to.output, "folder to make; it must not be there")->required();
  command->add_option("--format", options->format, "hf: what Hugging Face's transformers open with from_pretrained")
      ->check(CLI::IsMember({"hf"}))
      ->capture_default_str();
  command->add_option("--dtype", options->dtype, "of the weights: fp32, bf16 or fp16")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16"}))
      ->capture_default_str();
  command
      ->add_option("--max-shard-size", options->to.shard_bytes, "largest file of weights: bytes, or 500MB, 5GB, 4GiB")
      ->transform(CLI::AsSizeValue(true))
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 60))
      ->capture_default_str();
  command->add_option("--logits", options->to.logits,
                      "also write the fixed inputs of the proof and their logits to this safetensors file");
  command->callback(
      [options, &selection] { selection.run = [options](Runtime& runtime) { return run(*options, runtime); }; });
}

}  // namespace phalanx::commands
