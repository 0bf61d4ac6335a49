#include "trainer/training_job.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/sha256.h"
#include "data/dataset_info.h"
#include "data/evaluation_batches.h"
#include "data/shard_format.h"
#include "data/tokenizer/tokenizer.h"
#include "model/ops/gemm_peak.h"
#include "model/ops/linear.h"
#include "trainer/agree.h"
#include "trainer/build.h"
#include "trainer/config/resolve.h"
#include "trainer/signals.h"

namespace phalanx {
namespace {

// Tokenizer and content of the training data; the weights of the sources belong to it, they decide the order.
DataIdentity identify(const config::Config& config) {
  DataIdentity identity;
  std::string all;
  for (const config::Source& source : config.data.train) {
    const data::DatasetInfo info = data::read_dataset_info(source.path);
    identity.tokenizer_digest = info.tokenizer_digest;
    all += str(info.data_digest, " ", source.weight, "\n");
  }
  identity.data_digest = sha256_hex(all);
  return identity;
}

// The folder that every checkpoint gets a copy of.
std::string tokenizer_folder(const config::Config& config) {
  return config.data.train.front().path + "/" + data::kTokenizerFolder;
}

// Before the first step, not at the first checkpoint.
void require_tokenizer(const config::Config& config, const DataIdentity& identity) {
  if (data::load_tokenizer(tokenizer_folder(config))->digest() == identity.tokenizer_digest) return;
  throw Error(
      str(tokenizer_folder(config), ": is not the tokenizer that ", config.data.train.front().path, " was made with"));
}

std::string checkpoints_of(const config::Config& config) { return config.run.output + "/checkpoints"; }

}  // namespace

TrainingJob::TrainingJob(const config::Config& config, const StartRequest& request, const Runtime& runtime, int threads)
    : config_(config),
      runtime_(runtime),
      grid_(grid_of(config, runtime.world_size())),
      threads_(threads),
      axes_(runtime.split(grid_)) {
  install_stop_signals();
  Communicator& world = runtime_.world();
  on_every_rank(world, [&] { identity_ = identify(config_); });
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

TrainingJob::~TrainingJob() = default;

void TrainingJob::prepare() {
  Communicator& world = runtime_.world();
  on_every_rank(world, [&] {
    replica_ = std::make_unique<Replica>(replica_options(config_, grid_, runtime_.world_rank()), *axes_.data,
                                         *axes_.tensor, training_workload(config_));
  });
  peak_flops_ = measure_peak();
  trainer_ = std::make_unique<Trainer>(config_, *replica_, Groups{&world, axes_.data.get()}, peak_flops_);
  describe_start();
  load_start();
  open_data();
  open_reports();
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
  log::info("device cpu, ", name_of(dtype), ", reproducible ", config_.run.reproducible, "; products by ",
            ops::describe_products(replica_->context().exec, dtype));
  log::info("model ", config_.model.family, ": ", parameter_count(replica_->layout().table()), " parameters, ",
            replica_->network().flops_per_token(config_.model.context) * 1e-6, " MFLOP per training token");
  log::info(describe(replica_->memory()));
}

void TrainingJob::load_start() {
  if (!start_.resume && !start_.init) {
    replica_->fill_initial_values();
    return;
  }
  const checkpoint::Manifest& manifest = start_.resume ? *start_.resume : *start_.init;
  const auto parts = start_.resume ? checkpoint::Parts::weights_and_moments : checkpoint::Parts::weights;
  on_every_rank(runtime_.world(), [&] { checkpoint::load(manifest, parts, owned_state(*replica_)); });
  replica_->publish_masters();
  if (start_.resume) {
    trainer_->set_progress(manifest.progress);
    saved_step_ = manifest.progress.step;
    saved_path_ = manifest.folder;
  }
  if (leads()) {
    log::info(start_.resume ? str("resumed from ", manifest.folder, " at step ", manifest.progress.step)
                            : str("weights taken from ", manifest.folder));
  }
}

void TrainingJob::open_data() {
  const ReplicaOptions& options = replica_->options();
  on_every_rank(runtime_.world(), [&] {
    loader_ = std::make_unique<data::Loader>(loader_options(config_, options, trainer_->progress().sequences_consumed));
    if (config_.data.validation.empty() || config_.evaluation.every == 0) return;
    data::require_same_tokenizer({str("data.validation (", config_.data.validation, ")"),
                                  data::read_dataset_info(config_.data.validation).tokenizer_digest},
                                 {"data.train", identity_.tokenizer_digest});
    validation_ = data::evaluation_batches(config_.data.validation, static_cast<int>(config_.model.context),
                                           config_.evaluation.samples, static_cast<int>(sequences_at_once(config_)),
                                           options.coord.data, grid_.data, config_.data.document_attention);
  });
}

void TrainingJob::open_reports() {
  RunInfo info{.name = config_.run.name,
               .output = config_.run.output,
               .steps = config_.training.steps,
               .world_size = runtime_.world_size(),
               .data_ranks = grid_.data,
               .tensor_ranks = grid_.tensor,
               .threads = threads_,
               .device = "cpu",
               .precision = config_.training.precision,
               .reproducible = config_.run.reproducible,
               .parameters = parameter_count(replica_->layout().table()),
               .flops_per_token = replica_->network().flops_per_token(config_.model.context),
               .peak_flops = peak_flops_,
               .peak_source = str("fastest ", config_.training.precision, " product measured at start")};
  on_rank_zero(runtime_.world(), [&] {
    metrics_ = std::make_unique<Metrics>(config_, info, *folder_);
    metrics_->set_memory(replica_->memory().bytes());
    if (start_.resume) metrics_->on_resume(saved_step_, saved_path_);
    folder_->write_config(config::to_yaml(config_));
    if (start_.resume) {
      folder_->set_checkpoint(saved_step_, saved_path_);
    } else {
      folder_->set_running(0);
    }
  });
}

void TrainingJob::run() {
  try {
    prepare();
    const bool stopped = !train();
    if (saved_step_ != trainer_->progress().step && (!stopped || config_.checkpoint.on_signal)) save();
    note_end(stopped);
  } catch (const std::exception& error) {
    if (leads()) folder_->set_failed(trainer_ ? trainer_->progress().step : 0, saved_path_, error.what());
    throw;
  }
}

// Steps until all are done (true) or a signal asks to stop (false).
bool TrainingJob::train() {
  while (trainer_->progress().step < config_.training.steps) {
    train_one_step();
    const bool stop = any_rank(runtime_.world(), stop_requested());  // the same answer on every rank
    if (is_due(config_.evaluation.every)) evaluate();
    if (stop && trainer_->progress().step < config_.training.steps) return false;
    if (is_due(config_.checkpoint.every)) save();
  }
  return true;
}

void TrainingJob::train_one_step() {
  const data::StepBatch& batch = loader_->next();
  const double waited = loader_->wait_seconds();
  const double before = collective_seconds();
  const StepStats stats = trainer_->step(batch, waited - waited_);
  waited_ = waited;
  report_step(stats, stats.step_seconds - (collective_seconds() - before));
}

// own_seconds: of the step, without collectives, in which all ranks wait for the slowest.
void TrainingJob::report_step(const StepStats& stats, double own_seconds) {
  Communicator& world = runtime_.world();
  std::vector<double> rank_seconds(static_cast<std::size_t>(world.size()));
  world.all_gather(host_tensor(rank_seconds.data(), {world.size()}), host_tensor(&own_seconds, {1}), {});
  if (!leads()) return;
  metrics_->set_rank_seconds(rank_seconds, stats.time);
  metrics_->set_usage(usage());
  metrics_->set_memory(replica_->memory().bytes());
  metrics_->set_layer_gradient_norms(trainer_->layer_gradient_norms());
  metrics_->on_step(stats);
}

std::vector<Communicator::Usage> TrainingJob::usage() const {
  std::vector<Communicator::Usage> all;
  for (const Communicator* group : {&runtime_.world(), axes_.data.get(), axes_.tensor.get()}) {
    const std::vector<Communicator::Usage> some = group->usage();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

double TrainingJob::collective_seconds() const {
  double seconds = 0;
  for (const Communicator::Usage& operation : usage()) seconds += operation.seconds;
  return seconds;
}

bool TrainingJob::is_due(std::int64_t every) const { return every > 0 && trainer_->progress().step % every == 0; }

void TrainingJob::evaluate() {
  if (config_.data.validation.empty()) return;
  const ValidationStats stats = trainer_->evaluate(validation_);
  if (leads()) metrics_->on_validation(stats);
}

checkpoint::Provenance TrainingJob::provenance() const {
  return {.config_yaml = config::to_yaml(config_),
          .tokenizer_digest = identity_.tokenizer_digest,
          .data_digest = identity_.data_digest,
          .tokenizer_folder = tokenizer_folder(config_),
          .data_ranks = grid_.data,
          .tensor_ranks = grid_.tensor,
          .precision = config_.training.precision};
}

void TrainingJob::save() {
  const auto start = Clock::now();
  saved_path_ = checkpoint::save(checkpoints_of(config_), trainer_->progress(), provenance(), owned_state(*replica_),
                                 runtime_.world());
  saved_step_ = trainer_->progress().step;
  if (!leads()) return;
  checkpoint::apply_retention(checkpoints_of(config_), config_.checkpoint.keep, config_.checkpoint.keep_every);
  folder_->set_checkpoint(saved_step_, saved_path_);
  metrics_->on_checkpoint(saved_step_, saved_path_, seconds_since(start));
}

void TrainingJob::note_end(bool stopped) {
  if (!leads()) return;
  const std::int64_t step = trainer_->progress().step;
  if (stopped) {
    const std::string signal = stop_signal_name();
    folder_->set_stopped(step, saved_path_,
                         "asked to stop by " + (signal.empty() ? "a signal to another rank" : signal));
    log::info("stopped at step ", step,
              saved_path_.empty() ? "; nothing was saved (checkpoint.on_signal is false)"
                                  : "; the same command goes on from " + saved_path_);
  } else {
    folder_->set_finished(step, saved_path_);
    log::info("finished ", step, " steps; checkpoint ", saved_path_);
  }
}

}  // namespace phalanx
