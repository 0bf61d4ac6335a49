#include "trainer/plan/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/check.h"

namespace phalanx::plan {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
constexpr double kMiB = 1024.0 * 1024.0;
constexpr std::size_t kMostRows = 16;

std::string gib(std::int64_t bytes) { return fmt::format("{:.2f}", static_cast<double>(bytes) / kGiB); }
std::string mib(std::int64_t bytes) { return fmt::format("{:.1f}", static_cast<double>(bytes) / kMiB); }

bool on_gpu(const Report& r) { return r.target.device.type == DeviceType::cuda; }

// "71.20 of 79.10 GiB"
std::string of_capacity(std::int64_t needed, const Report& r) {
  return str(gib(needed), " of ", gib(r.target.capacity), " GiB");
}

std::string range_text(int first, int last) {
  return first == last ? str("rank ", first) : str("ranks ", first, "-", last);
}

struct Row {
  int first = 0, last = 0;
  std::vector<std::string> numbers;
};

std::int64_t planned(const RankPlan& plan, const std::string& arena) {
  for (const ArenaBytes& a : plan.arenas) {
    if (a.name == arena) return a.planned;
  }
  return 0;
}

// Column heads, and rows of ranks that print alike.
std::vector<std::string> columns_of(const Report& r) {
  std::vector<std::string> columns = {"weights", "gradients", "optimizer", "activations", "workspace"};
  if (on_gpu(r)) columns.emplace_back("reserve");
  if (!on_gpu(r)) columns.emplace_back("snapshot");
  columns.emplace_back("total");
  if (on_gpu(r)) columns.emplace_back("snapshot (host)");
  return columns;
}
std::vector<Row> rows_of(const Report& r) {
  std::vector<Row> rows;
  for (const RankPlan& plan : r.job.ranks) {
    Row row{plan.first, plan.last, {}};
    for (const std::string& column : columns_of(r)) {
      const std::int64_t bytes = column == "total"     ? plan.device_bytes
                                 : column == "reserve" ? r.job.reserve
                                                       : planned(plan, column.substr(0, column.find(' ')));
      row.numbers.push_back(mib(bytes));
    }
    if (!rows.empty() && rows.back().numbers == row.numbers) {
      rows.back().last = row.last;
    } else {
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::size_t width_of(const std::string& column) { return std::max<std::size_t>(9, column.size()); }

std::string table(const Report& r) {
  const std::vector<std::string> columns = columns_of(r);
  std::string text = fmt::format("{:<14}", "MiB");
  for (const std::string& column : columns) text += fmt::format("  {:>{}}", column, width_of(column));
  text += '\n';
  const std::vector<Row> rows = rows_of(r);
  for (std::size_t i = 0; i < std::min(rows.size(), kMostRows); ++i) {
    text += fmt::format("{:<14}", range_text(rows[i].first, rows[i].last));
    for (std::size_t c = 0; c < columns.size(); ++c) {
      text += fmt::format("  {:>{}}", rows[i].numbers[c], width_of(columns[c]));
    }
    text += '\n';
  }
  if (rows.size() > kMostRows) text += str("... and ", rows.size() - kMostRows, " rows more; --json has them all\n");
  return text;
}

std::string settings_text(const Advice& advice) {
  std::string text;
  for (const auto& [key, value] : advice.settings) text += str(text.empty() ? "" : ", ", key, ": ", value);
  return text;
}

std::string advice_text(const Report& r) {
  if (r.advice.empty()) return "no setting makes it smaller; use more ranks, or a smaller model or context\n";
  const Advice& first = r.advice.front();
  if (!first.fits) {
    return str("even with ", settings_text(first), " it does not fit (", of_capacity(first.needed, r),
               "); use more ranks, or a smaller model or context\n");
  }
  if (r.advice.size() == 1) return str(settings_text(first), " fits (", of_capacity(first.needed, r), ")\n");
  std::string text = "any one of these is enough:\n";
  for (const Advice& advice : r.advice) {
    text += str("  ", settings_text(advice), " fits (", of_capacity(advice.needed, r), ")\n");
  }
  return text;
}

std::string verdict(const Report& r) {
  const int last = std::min(r.job.worst_rank + r.target.ranks_per_memory - 1, r.job.ranks.back().last);
  const std::string who = range_text(r.job.worst_rank, last);
  const std::string needs = last > r.job.worst_rank ? " together need " : " needs ";
  if (r.job.fits()) {
    return str("fits: ", who, needs, of_capacity(r.job.needed, r), ", ", gib(r.job.capacity - r.job.needed), " left\n");
  }
  return str("does not fit: ", who, needs, of_capacity(r.job.needed, r), ", ", gib(r.job.needed - r.job.capacity),
             " too much\n", advice_text(r));
}

Json settings_json(const Advice& advice) {
  Json settings = Json::object();
  for (const auto& [key, value] : advice.settings) settings[key] = value;
  return settings;
}

}  // namespace

std::string to_text(const Report& r) {
  const int ranks = r.job.grid.world_size();
  return str("run ", r.run, " on ", ranks, ranks == 1 ? " rank" : " ranks", " = data ", r.job.grid.data, " x tensor ",
             r.job.grid.tensor, ", each on ", r.target.name, " (", r.target.description, ")\n", table(r),
             on_gpu(r) ? "reserve: CUDA's context and kernels, the product timed at start, NCCL; an estimate\n" : "",
             verdict(r));
}

std::string to_json(const Report& r) {
  Json out{{"run", r.run},
           {"device", r.target.name},
           {"ranks", r.job.grid.world_size()},
           {"data_ranks", r.job.grid.data},
           {"tensor_ranks", r.job.grid.tensor},
           {"fits", r.job.fits()},
           {"needed_bytes", r.job.needed},
           {"capacity_bytes", r.job.capacity},
           {"worst_rank", r.job.worst_rank},
           {"reserve_bytes", r.job.reserve},
           {"memory", Json::array()},
           {"advice", Json::array()}};
  for (const RankPlan& plan : r.job.ranks) {
    Json arenas = Json::object();
    for (const ArenaBytes& arena : plan.arenas) arenas[arena.name] = arena.planned;
    out["memory"].push_back({{"first_rank", plan.first},
                             {"last_rank", plan.last},
                             {"total_bytes", plan.device_bytes},
                             {"arenas", std::move(arenas)}});
  }
  for (const Advice& advice : r.advice) {
    out["advice"].push_back({{"set", settings_json(advice)}, {"needed_bytes", advice.needed}, {"fits", advice.fits}});
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace phalanx::plan
