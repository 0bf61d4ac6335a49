#include "trainer/metrics/page/run_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "trainer/metrics/record_json.h"

namespace phalanx {
namespace {

using Json = nlohmann::ordered_json;

Json exact(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// Seven digits: more than a screen shows, half the bytes.
Json brief(double value) { return exact(std::strtod(fmt::format("{:.7g}", value).c_str(), nullptr)); }

// How much of a history a page has: "generation.bins.marks.facts.ranks".
struct Cursor {
  std::int64_t generation = 0, bins = 0, marks = 0, facts = 0, ranks = 0;
};

Cursor end_of(const RunHistory& h) {
  return {h.generation(), static_cast<std::int64_t>(h.bins().bins().size()),
          static_cast<std::int64_t>(h.marks().kept().size()), h.facts_told(), h.ranks_told()};
}

Cursor parse(std::string_view text) {
  Cursor cursor;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::int64_t* field : {&cursor.generation, &cursor.bins, &cursor.marks, &cursor.facts, &cursor.ranks}) {
    const auto [next, failure] = std::from_chars(at, end, *field);
    if (failure != std::errc() || *field < 0) return {};
    at = next < end ? next + 1 : next;
  }
  return cursor;
}

Json info_of(const RunInfo& info, double started) {
  Json json;
  for_each_fact(info, [&]<class T>(const char* key, const T& value) {
    if constexpr (std::is_same_v<T, double>) {
      json[key] = exact(value);
    } else {
      json[key] = value;
    }
  });
  json["time"] = exact(started);
  return json;
}

Json latest_of(const StepSample& sample) {
  Json json = {{"step", sample.step}, {"time", exact(sample.time)}, {"tokens", exact(sample.tokens)}};
  for (std::size_t s = 0; s < kSeriesNames.size(); ++s) json[kSeriesNames[s]] = exact(sample.values[s]);
  return json;
}

template <class Value>
Json column(const std::vector<StepBins::Bin>& bins, std::size_t from, Value&& value) {
  Json values = Json::array();
  for (std::size_t b = from; b < bins.size(); ++b) values.push_back(value(bins[b]));
  return values;
}

Json columns_of(const StepBins& all, std::size_t from) {
  const std::vector<StepBins::Bin>& bins = all.bins();
  Json json = {{"from", from}, {"width", all.width()}};
  json["step"] = column(bins, from, [](const auto& bin) { return bin.last_step; });
  json["time"] = column(bins, from, [](const auto& bin) { return exact(bin.time); });
  for (std::size_t s = 0; s < kSeriesNames.size(); ++s) {
    json["mean"][kSeriesNames[s]] = column(bins, from, [&](const auto& bin) { return brief(bin.series[s].mean()); });
    if (all.width() == 1 || s >= kSpreadSeries) continue;  // minimum and maximum of one step are its value
    json["min"][kSeriesNames[s]] = column(bins, from, [&](const auto& bin) { return brief(bin.series[s].min); });
    json["max"][kSeriesNames[s]] = column(bins, from, [&](const auto& bin) { return brief(bin.series[s].max); });
  }
  return json;
}

Json mark_of(const Mark& mark) {
  return {{"event", kMarkNames[static_cast<std::size_t>(mark.kind)]},
          {"step", mark.step},
          {"time", exact(mark.time)},
          {"value", exact(mark.value)}};
}

Json marks_of(const Marks& marks, std::size_t from) {
  Json json = {{"from", from}, {"new", Json::array()}, {"counts", Json::object()}, {"last", Json::object()}};
  for (std::size_t m = from; m < marks.kept().size(); ++m) json["new"].push_back(mark_of(marks.kept()[m]));
  for (std::size_t k = 0; k < kMarkNames.size(); ++k) {
    const auto kind = static_cast<MarkKind>(k);
    json["counts"][kMarkNames[k]] = marks.count(kind);
    if (marks.last(kind)) json["last"][kMarkNames[k]] = mark_of(*marks.last(kind));
  }
  return json;
}

Json ranks_of(const RunHistory& h) {
  Json seconds = Json::array();
  for (const double value : h.rank_step_seconds()) seconds.push_back(brief(value));
  return {{"averaged", h.ranks_averaged()}, {"seconds", seconds}};
}

}  // namespace

std::string changes_since(const RunHistory& h, std::string_view cursor) {
  const Cursor end = end_of(h);
  Cursor seen = parse(cursor);
  const bool reset =
      seen.generation != end.generation || seen.bins > end.bins || seen.marks > end.marks || seen.ranks > end.ranks;
  if (reset) seen = {};
  Json json = {{"cursor", fmt::format("{}.{}.{}.{}.{}", end.generation, end.bins, end.marks, end.facts, end.ranks)},
               {"reset", reset}};
  if (h.info() && (reset || seen.facts != end.facts)) {
    json["run"] = info_of(*h.info(), h.started());
    json["memory"] = memory_json(h.memory());
    if (h.digest().first >= 0) json["digest"] = {{"step", h.digest().first}, {"value", h.digest().second}};
  }
  if (h.last()) json["latest"] = latest_of(*h.last());
  json["eta_seconds"] = exact(h.eta_seconds());
  // The last bin may have grown.
  json["bins"] = columns_of(h.bins(), static_cast<std::size_t>(std::max<std::int64_t>(seen.bins - 1, 0)));
  json["marks"] = marks_of(h.marks(), static_cast<std::size_t>(seen.marks));
  if (reset || seen.ranks != end.ranks) json["ranks"] = ranks_of(h);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace phalanx
