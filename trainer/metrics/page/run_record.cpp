#include "trainer/metrics/page/run_record.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "trainer/metrics/jsonl.h"

namespace phalanx {
namespace {

using Json = nlohmann::ordered_json;  // arenas keep their order

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostText = 300;  // bytes kept of a text

double to_number(const Json& value, const std::string& key) {
  if (value.is_null()) return kNone;
  if (!value.is_number()) throw Error(str(key, " is no number"));
  return value.get<double>();
}

double number(const Json& event, const std::string& key) {
  const auto found = event.find(key);
  return found == event.end() ? kNone : to_number(*found, key);
}

std::int64_t integer(const Json& event, const std::string& key) {
  const auto found = event.find(key);
  if (found == event.end()) throw Error(str(key, " is missing"));
  if (!found->is_number_integer()) throw Error(str(key, " is no whole number"));
  const bool fits = !found->is_number_unsigned() || found->get<std::uint64_t>() <= std::uint64_t{1} << 62;
  if (!fits || found->get<std::int64_t>() < 0) throw Error(str(key, " is out of range"));
  return found->get<std::int64_t>();
}

std::int64_t integer_or(const Json& event, const std::string& key, std::int64_t otherwise) {
  return event.contains(key) ? integer(event, key) : otherwise;
}

int rank_count(const Json& event, const std::string& key) {
  return static_cast<int>(std::min<std::int64_t>(integer_or(event, key, 1), 1 << 30));
}

// At most kMostText bytes, cut between characters.
std::string text(const Json& event, const std::string& key) {
  const auto found = event.find(key);
  if (found == event.end()) return "";
  if (!found->is_string()) throw Error(str(key, " is no text"));
  std::string value = found->get<std::string>();
  if (value.size() <= kMostText) return value;
  std::size_t end = kMostText;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
  value.resize(end);
  return value;
}

const Json* member(const Json& event, const std::string& key, Json::value_t type) {
  const auto found = event.find(key);
  if (found == event.end()) return nullptr;
  if (found->type() != type) throw Error(str(key, " is no ", type == Json::value_t::array ? "array" : "object"));
  return &*found;
}

RunInfo info_of(const Json& event) {
  RunInfo info;
  info.name = text(event, "name");
  info.output = text(event, "output");
  info.steps = integer_or(event, "steps", 0);
  info.world_size = rank_count(event, "world_size");
  info.data_ranks = rank_count(event, "data_ranks");
  info.tensor_ranks = rank_count(event, "tensor_ranks");
  info.threads = rank_count(event, "threads");
  info.device = text(event, "device");
  info.precision = text(event, "precision");
  info.reproducible = text(event, "reproducible");
  info.parameters = integer_or(event, "parameters", 0);
  info.flops_per_token = number(event, "flops_per_token");
  info.peak_flops = number(event, "peak_flops");
  info.peak_source = text(event, "peak_source");
  return info;
}

void require_format(const Json& event) {
  const std::int64_t format = integer(event, "format");
  if (format == JsonLines::kFormat) return;
  throw Error(str("its format is ", format, "; this program reads format ", JsonLines::kFormat));
}

StepRecord step_of(const Json& event) {
  StepRecord step;
  step.sample.step = integer(event, "step");
  step.sample.time = number(event, "time");
  step.sample.tokens = number(event, "tokens");
  step.sample.values.fill(kNone);
  for (std::size_t s = 0; s < kFirstPhase; ++s) step.sample.values[s] = number(event, kSeriesNames[s]);
  if (const Json* phases = member(event, "phase_seconds", Json::value_t::object)) {
    for (std::size_t s = kFirstPhase; s < kSeriesNames.size(); ++s) {
      step.sample.values[s] = number(*phases, kSeriesNames[s]);
    }
  }
  step.digest = text(event, "digest");
  if (const Json* seconds = member(event, "rank_step_seconds", Json::value_t::array)) {
    for (const Json& value : *seconds) step.rank_step_seconds.push_back(to_number(value, "rank_step_seconds"));
  }
  if (const Json* arenas = member(event, "memory", Json::value_t::object)) {
    for (const auto& [name, bytes] : arenas->items()) {
      if (!bytes.is_object()) throw Error(str("memory.", name, " is no object"));
      step.memory.push_back({name.substr(0, kMostText), integer(bytes, "planned"), integer(bytes, "used")});
    }
  }
  return step;
}

std::optional<Mark> mark_of(const Json& event, const std::string& name) {
  static constexpr std::array<const char*, kMarkNames.size()> kValues = {"loss", "seconds", "", "loss_scale"};
  for (std::size_t kind = 0; kind < kMarkNames.size(); ++kind) {
    if (name != kMarkNames[kind]) continue;
    return Mark{.kind = static_cast<MarkKind>(kind),
                .step = integer(event, "step"),
                .time = number(event, "time"),
                .value = number(event, kValues[kind])};
  }
  return std::nullopt;
}

}  // namespace

RunRecord parse_record(std::string_view line) {
  const Json event = Json::parse(line.begin(), line.end(), nullptr, false);
  if (!event.is_object()) throw Error("it is no JSON object");
  const std::string name = text(event, "event");
  if (name.empty()) throw Error("event is missing");
  RunRecord record;
  record.time = number(event, "time");
  record.begins = name == "run";
  if (record.begins) require_format(event);
  if (record.begins || (name == "resume" && event.contains("steps"))) record.info = info_of(event);
  if (name == "step") record.step = step_of(event);
  record.mark = mark_of(event, name);
  return record;
}

}  // namespace phalanx
