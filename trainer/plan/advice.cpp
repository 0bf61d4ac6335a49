#include "trainer/plan/advice.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "trainer/config/resolve.h"
#include "trainer/config/validate.h"

namespace phalanx::plan {
namespace {

using config::Config;

struct Value {
  std::string text;
  std::function<void(Config&)> set;
};
struct Knob {
  const char* key;
  std::vector<Value> values;  // from the nearest to the configuration to the furthest
};

// Divisors of n below `limit`, the largest first.
std::vector<std::int64_t> divisors_below(std::int64_t n, std::int64_t limit) {
  std::vector<std::int64_t> found;
  for (std::int64_t d = 1; d <= n / d; ++d) {
    if (n % d != 0) continue;
    for (const std::int64_t divisor : {d, n / d}) {
      if (divisor < limit) found.push_back(divisor);
    }
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

Knob micro_batch(const Config& c, const Config& resolved) {
  Knob knob{"training.micro_batch", {}};
  // One sequence at once whatever it says; or phases may say it themselves.
  if (c.run.same_on_any_layout() || !c.training.phases.empty()) return knob;
  const std::int64_t sequences = c.training.global_batch / resolved.parallel.data.value;  // of a data rank
  for (const std::int64_t B : divisors_below(sequences, c.training.micro_batch)) {
    knob.values.push_back({str(B), [B](Config& x) { x.training.micro_batch = B; }});
  }
  return knob;
}

Knob recompute(const Config& c) {
  Knob knob{"training.recompute", {}};
  for (const char* level : {"full", "selective"}) {
    if (c.training.recompute == level) break;
    knob.values.insert(knob.values.begin(), {level, [level](Config& x) { x.training.recompute = level; }});
  }
  return knob;
}

Knob tensor(const Config& c, int world_size) {
  Knob knob{"parallel.tensor", {}};
  for (std::int64_t ranks = c.parallel.tensor + 1; ranks <= world_size; ++ranks) {
    if (world_size % ranks != 0) continue;
    knob.values.push_back({str(ranks), [ranks](Config& x) {
                             x.parallel.tensor = ranks;
                             x.parallel.data = {};
                           }});
  }
  return knob;
}

Knob shard_optimizer(const Config& c) {
  if (c.parallel.shard_optimizer) return {"parallel.shard_optimizer", {}};
  return {"parallel.shard_optimizer", {{"true", [](Config& x) { x.parallel.shard_optimizer = true; }}}};
}

Knob snapshot(const Config& c, const Target& target) {
  if (!c.checkpoint.asynchronous || target.device.type != DeviceType::cpu) return {"checkpoint.asynchronous", {}};
  return {"checkpoint.asynchronous", {{"false", [](Config& x) { x.checkpoint.asynchronous = false; }}}};
}

// The plan of a configuration; none where it is not valid.
std::optional<JobPlan> try_plan(const Config& config, int world_size, const Target& target) {
  const Config resolved = config::resolve_sizes(config, world_size);
  if (!config::validate(resolved, world_size, config::DataUse::unused).empty()) return std::nullopt;
  return plan_job(resolved, world_size, target);
}

class Search {
 public:
  Search(const Config& config, int world_size, const Target& target)
      : config_(config), world_size_(world_size), target_(target) {
    const Config resolved = config::resolve_sizes(config, world_size);
    knobs_ = {micro_batch(config, resolved), recompute(config), tensor(config, world_size), shard_optimizer(config),
              snapshot(config, target)};
  }

  [[nodiscard]] std::vector<Advice> one_by_one() const {
    std::vector<Advice> found;
    for (const Knob& knob : knobs_) {
      for (const Value& value : knob.values) {
        Config changed = config_;
        value.set(changed);
        const auto plan = try_plan(changed, world_size_, target_);
        if (!plan || !plan->fits()) continue;
        found.push_back({settings(knob, value), plan->needed, true});
        break;
      }
    }
    return found;
  }

  // Turns knobs further and further, each from where the one before was left.
  [[nodiscard]] Advice together(std::int64_t needed_now) const {
    Advice advice{{}, needed_now, false};
    Config changed = config_;
    for (const Knob& knob : knobs_) {
      Config best = changed;
      const Value* chosen = nullptr;
      for (const Value& value : knob.values) {
        Config next = changed;
        value.set(next);
        const auto plan = try_plan(next, world_size_, target_);
        if (!plan || plan->needed >= advice.needed) continue;
        advice.needed = plan->needed;
        advice.fits = plan->fits();
        chosen = &value;
        best = next;
        if (advice.fits) break;
      }
      changed = best;
      if (chosen != nullptr) append(settings(knob, *chosen), advice);
      if (advice.fits) break;
    }
    return advice;
  }

 private:
  using Settings = std::vector<std::pair<std::string, std::string>>;
  // A configuration that fixes parallel.data has to follow parallel.tensor.
  [[nodiscard]] Settings settings(const Knob& knob, const Value& value) const {
    Settings all{{knob.key, value.text}};
    if (all[0].first == "parallel.tensor" && !config_.parallel.data.is_auto())
      all.emplace_back("parallel.data", "auto");
    return all;
  }
  static void append(const Settings& more, Advice& advice) {
    advice.settings.insert(advice.settings.end(), more.begin(), more.end());
  }

  Config config_;
  int world_size_;
  Target target_;
  std::vector<Knob> knobs_;
};

}  // namespace

std::vector<Advice> advise(const Config& config, int world_size, const Target& target, const JobPlan& now) {
  const Search search(config, world_size, target);
  std::vector<Advice> found = search.one_by_one();
  if (!found.empty()) return found;
  if (Advice last = search.together(now.needed); !last.settings.empty()) found.push_back(std::move(last));
  return found;
}

}  // namespace phalanx::plan
