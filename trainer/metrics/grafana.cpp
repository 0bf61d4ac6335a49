#include "trainer/metrics/grafana.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "trainer/metrics/metric_list.h"

namespace phalanx {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kColumns = 24;  // of Grafana's grid
constexpr int kWidth = 8, kHeight = 8;

Json source() { return {{"type", "prometheus"}, {"uid", "${source}"}}; }

// What is drawn of a metric: expressions, each with the legend of its series.
std::vector<std::pair<std::string, std::string>> curves_of(const Metric& metric) {
  const std::string label = metric.label;
  // Of metrics that every rank tells of itself (metrics.per_rank), rank 0's.
  const std::string of_rank_0 = label == "world_rank" ? "" : ",world_rank=\"\"";
  const std::string series = metric.full_name() + "{run=~\"$run\"" + of_rank_0 + "}";
  const std::string legend = "{{run}} " + (label.empty() ? metric.name : label + " {{" + label + "}}");
  switch (metric.kind) {
    case MetricKind::gauge: return {{series, legend}};
    case MetricKind::timestamp: return {{"time() - (" + series + " > 0)", legend}};
    case MetricKind::counter: return {{"rate(" + series + "[$__rate_interval])", legend}};
    case MetricKind::histogram: {
      const std::string buckets =
          "sum by (run, le) (rate(" + metric.full_name() + "_bucket{run=~\"$run\"}[$__rate_interval]))";
      return {{"histogram_quantile(0.5, " + buckets + ")", "{{run}} median"},
              {"histogram_quantile(0.99, " + buckets + ")", "{{run}} 99 %"}};
    }
    case MetricKind::facts: return {};
  }
  return {};
}

// Two metrics of one panel have the same labels: their names tell them apart.
void add_curves(Json& panel, const Metric& metric, bool alone) {
  Json& targets = panel["targets"];
  for (const auto& [expression, legend] : curves_of(metric)) {
    const std::string id(1, static_cast<char>('A' + targets.size()));
    const bool named = alone || *metric.label == '\0';
    targets.push_back(
        {{"refId", id}, {"expr", expression}, {"legendFormat", named ? legend : legend + " " + metric.name}});
  }
  panel["description"] = panel["description"].get<std::string>() + metric.full_name() + ": " + metric.help + ". ";
}

Json new_panel(const Metric& metric, int ordinal) {
  constexpr int kPerRow = kColumns / kWidth;
  return {{"id", ordinal + 1},
          {"type", "timeseries"},
          {"title", metric.panel},
          {"description", ""},
          {"datasource", source()},
          {"gridPos",
           {{"x", ordinal % kPerRow * kWidth}, {"y", ordinal / kPerRow * kHeight}, {"w", kWidth}, {"h", kHeight}}},
          {"fieldConfig", {{"defaults", {{"unit", metric.unit}}}, {"overrides", Json::array()}}},
          {"targets", Json::array()}};
}

Json panels() {
  std::map<std::string, int> sharing;
  for (const Metric& metric : metric_list()) ++sharing[metric.panel];
  Json all = Json::array();
  for (const Metric& metric : metric_list()) {
    if (*metric.panel == '\0') continue;
    if (all.empty() || all.back()["title"] != metric.panel)
      all.push_back(new_panel(metric, static_cast<int>(all.size())));
    add_curves(all.back(), metric, sharing[metric.panel] == 1);
  }
  return all;
}

Json variables() {
  const std::string runs = "label_values(" + metric_named("train_step").full_name() + ", run)";
  return Json::array({{{"name", "source"}, {"type", "datasource"}, {"query", "prometheus"}},
                      {{"name", "run"},
                       {"type", "query"},
                       {"datasource", source()},
                       {"query", {{"query", runs}, {"refId", "runs"}}},
                       {"refresh", 2},
                       {"multi", true},
                       {"includeAll", true},
                       {"allValue", ".*"}}});
}

}  // namespace

std::string grafana_dashboard() {
  const Json dashboard = {{"uid", "phalanx"},
                          {"title", "Phalanx"},
                          {"tags", {"phalanx"}},
                          {"schemaVersion", 36},
                          {"editable", true},
                          {"refresh", "10s"},
                          {"time", {{"from", "now-6h"}, {"to", "now"}}},
                          {"templating", {{"list", variables()}}},
                          {"panels", panels()}};
  return dashboard.dump(1) + "\n";
}

}  // namespace phalanx
