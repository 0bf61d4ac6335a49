// TrainingJob until its first step: what is checked, allocated, loaded and opened, in that order.
#include <unistd.h>

#include <array>
#include <csignal>

#include "core/file.h"
#include "core/host.h"
#include "core/log.h"
#include "data/dataset_info.h"
#include "model/ops/gemm_peak.h"
#include "model/ops/linear.h"
#include "trainer/agree.h"
#include "trainer/build.h"
#include "trainer/config/resolve.h"
#include "trainer/device.h"
#include "trainer/disk_plan.h"
#include "trainer/failure.h"
#include "trainer/load_state.h"
#include "trainer/signals.h"
#include "trainer/training_job.h"

namespace phalanx {

TrainingJob::TrainingJob(const config::Config& config, const StartRequest& request, const Runtime& runtime, int threads)
    : config_(config),
      runtime_(runtime),
      grid_(grid_of(config, runtime.world_size())),
      threads_(threads),
      device_(choose_device(config.run.device, runtime)),
      axes_(open_axes(runtime, grid_, device_, config_)) {
  install_stop_signals();
  Communicator& world = runtime_.world();
  on_every_rank(world, [&] { identity_ = identify_data(config_); });
  on_rank_zero(world, [&] { require_tokenizer(config_, identity_); });
  start_ = find_start(request, config_, world);
  if (start_.resume) {
    for (const std::string& line : check_resume(*start_.resume, config_, identity_)) {
      if (leads()) log::info("resume with ", line);
    }
    require_unfinished(start_.resume->progress, config_);
  }
  if (start_.init) require_same_model(*start_.init, config_);
  on_rank_zero(world, [&] { folder_ = std::make_unique<RunFolder>(config_); });
}

void TrainingJob::prepare() {
  Communicator& world = runtime_.world();
  on_every_rank(world, [&] {
    replica_ = std::make_unique<Replica>(training_options(config_, grid_, runtime_.world_rank(), device_), *axes_.data,
                                         *axes_.tensor, training_workload(config_));
  });
  peak_flops_ = measure_peak();
  trainer_ = std::make_unique<Trainer>(config_, *replica_, Groups{&world, axes_.data.get()}, peak_flops_);
  describe_start();
  check_disk();
  load_start();
  open_data();
  open_reports();
  watch();
}

// Fastest matrix product of all ranks together, taken at the same moment on all of them.
double TrainingJob::measure_peak() const {
  runtime_.world().barrier();
  double peak = ops::measure_gemm_peak(replica_->context().exec, replica_->options().dtype);
  runtime_.world().all_reduce(host_tensor(&peak, {1}), Reduce::sum, {});
  return peak;
}

void TrainingJob::describe_start() const {
  if (!leads()) return;
  const DType dtype = replica_->options().dtype;
  log::info("run ", config_.run.name, ": ", runtime_.world_size(), " ranks = data ", grid_.data, " x tensor ",
            grid_.tensor, ", ", threads_, " threads each; output ", config_.run.output);
  log::info("device ", describe(device_, config_.run.device), ", ", name_of(dtype), ", reproducible ",
            config_.run.reproducible, "; products by ", ops::describe_products(replica_->context().exec, dtype));
  log::info("model ", config_.model.family, ": ", parameter_count(replica_->layout().table()), " parameters, ",
            replica_->network().flops_per_token(batch_shape(config_)) * 1e-6, " MFLOP per training token");
  log::info(describe(replica_->memory()));
}

// Before the first step: a run that cannot save ends now, not at its first checkpoint.
void TrainingJob::check_disk() {
  on_rank_zero(runtime_.world(), [&] {
    const auto existing = static_cast<std::int64_t>(checkpoint::list(config_.run.output + "/checkpoints").size());
    const DiskPlan plan =
        plan_disk(config_, parameter_count(replica_->layout().table()),
                  start_.resume ? start_.resume->progress.step : 0, existing, free_bytes(config_.run.output));
    log::info(describe_or_refuse(plan, config_));
    checkpoint_bytes_ = plan.checkpoint_bytes;
    if (const std::string warning = warning_of(plan, config_); !warning.empty()) log::warning(warning);
  });
}

void TrainingJob::load_start() {
  if (!start_.resume && !start_.init) {
    replica_->fill_initial_values();
    return;
  }
  const checkpoint::Manifest& manifest = start_.resume ? *start_.resume : *start_.init;
  const auto parts = start_.resume ? checkpoint::Parts::weights_and_moments : checkpoint::Parts::weights;
  load_state(*replica_, manifest, parts, runtime_.world());
  if (start_.resume) {
    trainer_->set_progress(manifest.progress);
  }
  if (leads()) {
    log::info(start_.resume ? str("resumed from ", manifest.folder, " at step ", manifest.progress.step)
                            : str("weights taken from ", manifest.folder));
  }
}

void TrainingJob::open_data() {
  on_every_rank(runtime_.world(), [&] {
    if (!config_.data.validation.empty() && config_.evaluation.every > 0) {
      data::require_same_tokenizer({str("data.validation (", config_.data.validation, ")"),
                                    data::read_dataset_info(config_.data.validation).tokenizer_digest},
                                   {"data.train", identity_.tokenizer_digest});
    }
    check_phases();
  });
  open_stage();
}

// What the data does not allow is said now, and not when its phase begins.
void TrainingJob::check_phases() {
  const std::vector<config::Config> phases = config::phases_of(config_);
  const std::size_t first = config::stage_at(config_, trainer_->progress().step).phase;
  for (std::size_t i = first + 1; i < phases.size(); ++i) {
    const data::Loader opens(loader_options(phases[i], replica_->options(), trainer_->progress().sequences_consumed));
  }
}

// The data of the step that comes next, from where the last one ended.
void TrainingJob::open_stage() {
  const checkpoint::Progress& progress = trainer_->progress();
  const bool first = loader_ == nullptr;
  const std::size_t old_phase = stage_.phase;
  stage_ = config::stage_at(config_, progress.step);
  const bool new_phase = first || stage_.phase != old_phase;
  const ReplicaOptions& options = replica_->options();
  on_every_rank(runtime_.world(), [&] {
    loader_.reset();
    loader_ = std::make_unique<data::Loader>(loader_options(stage_.config, options, progress.sequences_consumed));
    waited_ = 0;
    const bool evaluates = !config_.data.validation.empty() && config_.evaluation.every > 0;
    if (new_phase && evaluates) validation_ = validation_batches(stage_.config, options);
  });
  const std::size_t phases = config_.training.phases.size();
  if (leads() && new_phase && phases > 0) {
    log::info("phase ", stage_.phase + 1, " of ", phases, " from step ", stage_.phase_begin + 1, ": context ",
              stage_.config.model.context, ", global batch ", stage_.config.training.global_batch);
  } else if (leads() && !first) {
    log::info("global batch ", stage_.config.training.global_batch, " from step ", progress.step + 1);
  }
}

void TrainingJob::open_reports() {
  RunInfo info{.name = config_.run.name,
               .output = config_.run.output,
               .steps = config_.training.steps,
               .world_size = runtime_.world_size(),
               .data_ranks = grid_.data,
               .tensor_ranks = grid_.tensor,
               .threads = threads_,
               .device = device_.type == DeviceType::cpu ? "cpu" : "cuda",
               .precision = config_.training.precision,
               .reproducible = config_.run.reproducible,
               .parameters = parameter_count(replica_->layout().table()),
               .flops_per_token = replica_->network().flops_per_token(batch_shape(config_)),
               .peak_flops = peak_flops_,
               .peak_source = str("fastest ", config_.training.precision, " product measured at start")};
  on_rank_zero(runtime_.world(), [&] {
    metrics_ = std::make_unique<Metrics>(config_, info, *folder_);
    metrics_->set_memory(replica_->memory().bytes());
    metrics_->set_checkpoint_bytes(checkpoint_bytes_);
    if (start_.resume) metrics_->on_resume(start_.resume->progress.step, start_.resume->folder);
    folder_->write_config(config::to_yaml(config_));
    if (start_.resume) {
      folder_->set_checkpoint(start_.resume->progress.step, start_.resume->folder);
    } else {
      folder_->set_running(0);
    }
  });
  if (config_.metrics.per_rank) open_rank_reports();
  saver_ = std::make_unique<Saver>(config_, provenance(), *replica_, *trainer_, runtime_.world(),
                                   Saver::Reports{folder_.get(), metrics_.get()});
  if (start_.resume) saver_->set_resumed(start_.resume->progress.step, start_.resume->folder);
}

void TrainingJob::open_rank_reports() {
  Communicator& world = runtime_.world();
  on_every_rank(world, [&] {
    if (leads()) return;
    rank_metrics_ = std::make_unique<RankMetrics>(config_.metrics, runtime_.world_rank(), runtime_.local_rank());
  });
  const config::Address& address = leads() ? metrics_->server()->address() : rank_metrics_->address();
  const RankTargets targets = targets_of(gather_texts(world, str(host_name(), " ", reachable(address))));
  on_rank_zero(world, [&] {
    folder_->write_prometheus_targets(targets.addresses);
    log::info("metrics of ", targets.addresses.size(), " ranks: their addresses are in ", folder_->path(),
              "/prometheus_targets.json");
    if (targets.unreachable > 0) {
      log::warning("metrics.per_rank: ", targets.unreachable, " ranks serve at the loopback address of other hosts, ",
                   "where only those hosts reach them; set metrics.prometheus to 0.0.0.0:PORT");
    }
  });
}

// The verdict comes first: a disk that hangs may keep the rest from happening, and the alarm ends this process anyway.
void TrainingJob::watch() {
  constexpr unsigned kSecondsToEnd = 3;
  beacon_ = std::make_unique<watchdog::Beacon>(
      replica_->clock(), std::array<const Communicator*, 3>{&runtime_.world(), axes_.data.get(), axes_.tensor.get()});
  const auto end_job = [this](const std::string& verdict) {
    log::error(verdict);
    std::signal(SIGALRM, SIG_DFL);
    alarm(kSecondsToEnd);
    const std::string reason = verdict.substr(0, verdict.find("\n  stack of"));
    if (leads()) folder_->set_hung(beacon_->position().step, reason);
    runtime_.abort(static_cast<int>(Exit::failure));
  };
  const config::AutoInt& timeout = config_.run.hang_timeout;
  watchdog_ = std::make_unique<watchdog::Watchdog>(
      *beacon_, timeout.is_auto() ? std::nullopt : std::optional(static_cast<double>(timeout.value)), end_job, runtime_,
      [this](int world_rank) { metrics_->on_sign_of_life(world_rank); });
}

}  // namespace phalanx
