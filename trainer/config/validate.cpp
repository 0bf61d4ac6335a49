// The rules, a function per subject. A rule whose operands are out of their own range stays silent: that range has been
// reported already.
#include "trainer/config/validate.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <set>

#include "trainer/config/address.h"
#include "trainer/config/divide.h"
#include "trainer/config/fields.h"
#include "trainer/config/problems.h"
#include "trainer/config/refuse.h"
#include "trainer/config/resolve.h"
#include "trainer/config/stage.h"
#include "trainer/config/value.h"
#include "trainer/schedule.h"

namespace phalanx::config {
namespace {

constexpr std::int64_t kOrdinals = std::int64_t{1} << 40;  // sequences that random numbers can tell apart

void check_values(const Config& c, Problems& p) {
  for (const Field& field : fields()) {
    if (const auto problem = problem_of_value(field, c)) p.add(field.key, " ", *problem);
  }
}

void check_run(const Config& c, Problems& p) {
  const auto is_control = [](char ch) { return static_cast<unsigned char>(ch) < 0x20 || ch == 0x7F; };
  p.require(!c.run.name.empty(), "run.name must not be empty");
  p.require(std::none_of(c.run.name.begin(), c.run.name.end(), is_control),
            "run.name must not hold control characters");
  p.require(!c.run.output.empty(), "run.output must name a folder");
}

// Ranks on the data axis; 0 when the layout is wrong.
std::int64_t data_ranks(const Config& c, int world_size) {
  const std::int64_t tensor = c.parallel.tensor;
  if (tensor < 1 || world_size < 1 || world_size % tensor != 0) return 0;
  return world_size / tensor;
}

void check_layout(const Config& c, int world_size, Problems& p) {
  p.require(world_size >= 1, "the world size must be at least 1, found ", world_size);
  const std::int64_t data = c.parallel.data.value;
  const std::int64_t tensor = c.parallel.tensor;
  if (world_size < 1 || tensor < 1 || data == 0) return;
  if (c.parallel.data.is_auto()) {
    p.require(world_size % tensor == 0, "parallel.tensor (", tensor, ") must divide the world size (", world_size,
              "): parallel.tensor may be ", either(divisors_near(world_size, tensor, world_size)));
    return;
  }
  p.require(data * tensor == world_size, "parallel.data (", data, ") * parallel.tensor (", tensor,
            ") must be the world size (", world_size, "), found ", data * tensor,
            ": start that many ranks, or leave parallel.data: auto with parallel.tensor ",
            either(divisors_near(world_size, tensor, world_size)));
}

void check_model(const Config& c, Problems& p) {
  const std::int64_t ffn = c.model.ffn.is_auto() ? 4 * c.model.hidden : c.model.ffn.value;
  require_divides(p, "model.hidden", c.model.hidden, "model.heads", c.model.heads);
  require_divides(p, "model.heads", c.model.heads, "parallel.tensor", c.parallel.tensor);
  require_divides(p, "model.ffn", ffn, "parallel.tensor", c.parallel.tensor);
}

// `shards` virtual shards over `ranks` ranks: whole ones, and several on a rank only where they are a whole node of the
// tree over all.
void check_shards(const char* key, std::int64_t shards, const char* ranks_key, std::int64_t ranks, Problems& p) {
  if (shards < 1 || ranks < 1) return;
  if (shards % ranks != 0) {
    p.add(key, " (", shards, ") must be divisible by ", ranks_key, " (", ranks, "): a rank holds whole shards; ",
          ranks_key, " may be ", either(divisors_near(shards, ranks, shards)), ", or ", key, " ", ranks,
          " in a run of its own");
    return;
  }
  p.require(shards == ranks || std::has_single_bit(static_cast<std::uint64_t>(ranks)), key, " (", shards, ") over ",
            ranks_key, " (", ranks, "): several shards per rank need a power of two ranks; ", ranks_key,
            " may be such a divisor of ", shards, ", or ", shards, " itself");
}

void check_reproducible(const Config& c, int world_size, Problems& p) {
  if (!c.run.same_on_any_layout()) {
    p.require(c.run.tensor_shards.is_auto(), "run.tensor_shards needs run.reproducible: layout");
    p.require(c.run.data_shards.is_auto(), "run.data_shards needs run.reproducible: layout");
    return;
  }
  const Config full = resolve_sizes(c, std::max(world_size, 1));
  require_divides(p, "model.heads", c.model.heads, "run.tensor_shards", full.run.tensor_shards.value);
  require_divides(p, "model.ffn", full.model.ffn.value, "run.tensor_shards", full.run.tensor_shards.value);
  const bool changes = !c.training.phases.empty() || c.training.batch_ramp.steps > 0;
  require_divides(p, changes ? "the common divisor of the run's batches" : "training.global_batch",
                  common_batch_divisor(c), "run.data_shards", full.run.data_shards.value);
  check_shards("run.tensor_shards", full.run.tensor_shards.value, "parallel.tensor", c.parallel.tensor, p);
  check_shards("run.data_shards", full.run.data_shards.value, "data ranks", data_ranks(c, world_size), p);
}

void check_batch(const Config& c, int world_size, Problems& p) {
  const std::int64_t global = c.training.global_batch;
  const std::int64_t micro = c.training.micro_batch;
  const std::int64_t data = data_ranks(c, world_size);
  if (global < 1 || micro < 1 || c.model.context < 1) return;
  p.require(micro <= std::numeric_limits<std::int32_t>::max() / c.model.context, "training.micro_batch (", micro,
            ") * model.context (", c.model.context, ") must be below 2^31 tokens");
  p.require(c.training.steps <= kOrdinals / global, "training.steps (", c.training.steps, ") * training.global_batch (",
            global, ") must be at most 2^40 sequences");
  if (data < 1 || global % (data * micro) == 0) return;
  const std::int64_t unit = data * micro;
  const std::int64_t below = global / unit * unit;
  std::string micros;
  if (global % data == 0) {
    micros = ", or training.micro_batch " + either(divisors_near(global / data, micro, global / data));
  }
  p.add("training.global_batch (", global, ") must be divisible by training.micro_batch (", micro, ") * data ranks (",
        data, ") = ", unit, ": training.global_batch may be ",
        below > 0 ? either({below, below + unit}) : either({unit}), micros);
}

void check_schedule(const Config& c, Problems& p) {
  const Schedule& schedule = c.schedule;
  const std::int64_t steps = c.training.steps;
  p.require(schedule.warmup_steps <= steps, "schedule.warmup_steps (", schedule.warmup_steps,
            ") must be at most training.steps (", steps, ")");
  if (schedule.type != "wsd" || schedule.warmup_steps > steps) return;
  const auto decaying = decay_steps(schedule, steps);
  p.require(schedule.warmup_steps + decaying <= steps, "schedule.decay_fraction (",
            number_text(schedule.decay_fraction), ") of training.steps (", steps, ") and schedule.warmup_steps (",
            schedule.warmup_steps, ") overlap: decay_fraction may be at most ",
            number_text(static_cast<double>(steps - schedule.warmup_steps) / static_cast<double>(steps)));
}

void check_phase(const Config& phase, int world_size, const std::string& name, Problems& p) {
  Problems own;
  check_batch(phase, world_size, own);
  check_schedule(phase, own);
  for (const std::string& problem : own.list()) p.add(name, problem);
}

// Batch and schedule of the whole run, or of each of its phases.
void check_phases(const Config& c, int world_size, Problems& p) {
  const std::vector<Config> phases = phases_of(c);
  std::int64_t steps = 0;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const std::string name = c.training.phases.empty() ? "" : str("training.phases, entry ", i + 1, ": ");
    check_phase(phases[i], world_size, name, p);
    p.require(phases[i].model.context <= c.model.context, name, "context (", phases[i].model.context,
              ") must be at most model.context (", c.model.context, "), which is what the model has positions for");
    steps += phases[i].training.steps;
  }
  p.require(steps == c.training.steps, "training.steps (", c.training.steps,
            ") must be the sum of the steps of training.phases (", steps, ")");
  p.require(c.training.phases.empty() || total_sequences(c) <= static_cast<double>(kOrdinals),
            "training.phases must have at most 2^40 sequences");
}

void check_ramp(const Config& c, int world_size, Problems& p) {
  const BatchRamp& ramp = c.training.batch_ramp;
  if (ramp.steps < 1 || ramp.from < 1) return;
  const Config first = phases_of(c).front();
  const char* name = "training.batch_ramp: ";
  p.require(ramp.to == first.training.global_batch, name, "to (", ramp.to, ") must be training.global_batch",
            c.training.phases.empty() ? " (" : " of the first phase (", first.training.global_batch, ")");
  p.require(ramp.to > ramp.from && ramp.to % ramp.from == 0, name, "to (", ramp.to, ") must be a multiple of from (",
            ramp.from, ") and above it: the batch grows in stages of `from` sequences");
  p.require(ramp.steps <= first.training.steps, name, "steps (", ramp.steps, ") must be at most ",
            c.training.phases.empty() ? "training.steps (" : "the steps of the first phase (", first.training.steps,
            ")");
  Config start = first;
  start.training.global_batch = ramp.from;
  Problems own;
  check_batch(start, world_size, own);
  for (const std::string& problem : own.list()) p.add(name, "at its start ", problem);
}

void check_objective(const Config& c, Problems& p) {
  const bool masked = c.objective.type == "masked_lm";
  p.require(masked == (c.model.family != "gpt"), "objective.type (", c.objective.type, ") and model.family (",
            c.model.family, ") do not go together: masked_lm needs bert or modern_encoder, causal_lm needs gpt");
  p.require(c.model.family != "modern_encoder" || !c.objective.next_sentence,
            "objective.next_sentence needs model.family: bert; modern_encoder has no segments");
  p.require(masked || !c.objective.next_sentence, "objective.next_sentence needs objective.type: masked_lm");
  const AutoInt& types = c.model.token_types;
  p.require(!c.objective.next_sentence || types.is_auto() || types.value == 2, "model.token_types (", types.value,
            "): objective.next_sentence needs 2, so that the model can tell segments apart");
  p.require(!masked || c.objective.mask_probability > 0.0, "objective.mask_probability must be above 0, found ",
            number_text(c.objective.mask_probability));
  p.require(c.objective.mask_token + c.objective.random_token <= 1.0, "objective.mask_token (",
            number_text(c.objective.mask_token), ") + objective.random_token (", number_text(c.objective.random_token),
            ") must be at most 1");
}

void check_data(const Config& c, DataUse use, Problems& p) {
  p.require(use == DataUse::unused || !c.data.train.empty(),
            "data.train must list at least one folder of token shards: [{path: FOLDER, weight: 1.0}]");
  std::set<std::string> seen;
  for (const Source& source : c.data.train) {
    p.require(seen.insert(source.path).second, "data.train lists ", source.path, " twice: add the weights up");
  }
}

void check_metrics(const Config& c, Problems& p) {
  const std::string& address = c.metrics.prometheus;
  p.require(address.empty() || parse_address(address), "metrics.prometheus must be address:port such as 127.0.0.1:9464",
            " (port 0: a free one), or empty for no server; found \"", address, "\"");
  p.require(!c.metrics.per_rank || !address.empty(), "metrics.per_rank needs an address in metrics.prometheus");
}

}  // namespace

std::vector<std::string> validate(const Config& config, int world_size, DataUse use) {
  Problems problems;
  check_values(config, problems);
  check_run(config, problems);
  check_layout(config, world_size, problems);
  check_model(config, problems);
  check_reproducible(config, world_size, problems);
  check_phases(config, world_size, problems);
  check_ramp(config, world_size, problems);
  check_objective(config, problems);
  check_data(config, use, problems);
  check_metrics(config, problems);
  refuse_unsupported(config, problems);
  return problems.list();
}

void require_valid(const Config& config, int world_size, DataUse use) {
  std::string message;
  for (const std::string& problem : validate(config, world_size, use)) {
    message += str(message.empty() ? "" : "\n", problem);
  }
  if (!message.empty()) throw UsageError(message);
}

}  // namespace phalanx::config
