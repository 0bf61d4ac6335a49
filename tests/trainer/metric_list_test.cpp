// The list of metrics: what is published, documented, drawn and watched is the same.
#include "trainer/metrics/metric_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "core/check.h"
#include "tests/trainer/metrics_support.h"
#include "trainer/metrics/grafana.h"
#include "trainer/metrics/prometheus.h"

namespace phalanx {
namespace {

using ::testing::IsSubsetOf;
using Names = std::set<std::string>;

const std::string kRoot = PHALANX_SOURCE_DIR;

Names listed() {
  Names names;
  for (const Metric& metric : metric_list()) names.insert(metric.full_name());
  return names;
}

// Metrics that a text names; the series of a histogram count as the histogram.
Names named_in(const std::string& text) {
  static const std::regex kName("phalanx_[a-z_]+");
  Names names;
  for (std::sregex_iterator i(text.begin(), text.end(), kName), end; i != end; ++i) {
    names.insert(std::regex_replace(i->str(), std::regex("(train_step_seconds)_(bucket|count|sum)"), "$1"));
  }
  return names;
}

TEST(MetricList, IsWhatTheExporterPublishes) {
  PrometheusExporter exporter({});
  exporter.memory({{"weights", 200, 100}});
  exporter.usage({{"all_reduce", 0.5, 1024, 2}});
  exporter.layer_gradient_norms({0.1, 0.2});
  exporter.rank(3, 0.25, 1.7e9);
  EXPECT_EQ(named_in(exporter.text()), listed());
}

TEST(MetricList, IsWhatTheDocumentTells) {
  const std::string document = test::read_file(kRoot + "/docs/metrics.md");
  EXPECT_EQ(named_in(document), listed());
}

TEST(MetricList, HasEveryMetricThatAlertsWatch) {
  const Names names = named_in(test::read_file(kRoot + "/launch/monitoring/alerts.yml"));
  EXPECT_GT(names.size(), 10U);
  EXPECT_THAT(names, IsSubsetOf(listed()));
}

TEST(MetricList, DrawsEveryMetricThatHasAPanel) {
  const nlohmann::json dashboard = nlohmann::json::parse(grafana_dashboard());
  std::string expressions;
  for (const auto& panel : dashboard["panels"]) {
    EXPECT_FALSE(panel["targets"].empty()) << panel["title"];
    for (const auto& target : panel["targets"]) expressions += target["expr"].get<std::string>() + "\n";
  }
  Names drawn;
  for (const Metric& metric : metric_list()) {
    if (*metric.panel != '\0') drawn.insert(metric.full_name());
  }
  EXPECT_EQ(named_in(expressions), drawn);
  EXPECT_GT(drawn.size(), 20U);
}

TEST(MetricList, TheDashboardInTheTreeIsTheOneThatTheProgramMakes) {
  EXPECT_EQ(test::read_file(kRoot + "/launch/monitoring/grafana/dashboards/phalanx.json"), grafana_dashboard())
      << "phalanx dashboard --grafana >launch/monitoring/grafana/dashboards/phalanx.json";
}

TEST(MetricList, PanelsDoNotOverlapAndHaveOneTitleEach) {
  const nlohmann::json dashboard = nlohmann::json::parse(grafana_dashboard());
  std::set<std::pair<int, int>> places;
  Names titles;
  for (const auto& panel : dashboard["panels"]) {
    const auto& at = panel["gridPos"];
    EXPECT_TRUE(places.emplace(at["x"], at["y"]).second) << panel["title"];
    EXPECT_TRUE(titles.insert(panel["title"]).second) << panel["title"];
    EXPECT_LE(at["x"].get<int>() + at["w"].get<int>(), 24);
  }
}

TEST(MetricList, AnUnknownMetricIsNamed) { EXPECT_THROW((void)metric_named("train_lost"), Error); }

}  // namespace
}  // namespace phalanx
