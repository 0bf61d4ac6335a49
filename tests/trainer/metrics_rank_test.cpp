// A server per rank: what it tells, where it listens, what Prometheus is told of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/check.h"
#include "tests/trainer/metrics_support.h"
#include "trainer/metrics/http_server.h"
#include "trainer/metrics/rank_metrics.h"

namespace phalanx {
namespace {

using test::http;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

config::Metrics at(const std::string& address) {
  config::Metrics metrics;
  metrics.prometheus = address;
  metrics.per_rank = true;
  return metrics;
}

TEST(RankMetrics, TellsWhatTheRankKnowsOfItselfUnderItsNumber) {
  RankMetrics rank(at("127.0.0.1:0"), 5, 1);
  StepStats stats;
  stats.phase_seconds = {0.5, 0.25, 0.125, 0.0625, 1};
  stats.data_wait_seconds = 0.5;
  stats.loss = 3;
  rank.report(stats, {{"all_reduce", 0.5, 1024, 2}, {"all_reduce", 0.25, 1024, 1}}, {{"weights", 200, 100}});
  rank.report(stats, {{"all_reduce", 0.75, 2048, 3}, {"all_reduce", 0.25, 1024, 1}}, {{"weights", 200, 150}});
  const std::string text = http(rank.address().port, "/metrics");
  EXPECT_THAT(text, AllOf(HasSubstr("phalanx_train_phase_seconds_total{world_rank=\"5\",phase=\"data\"} 1\n"),
                          HasSubstr("phalanx_train_phase_seconds_total{world_rank=\"5\",phase=\"optimizer\"} 2\n"),
                          HasSubstr("phalanx_data_wait_seconds_total{world_rank=\"5\"} 1\n"),
                          HasSubstr("phalanx_collective_seconds_total{world_rank=\"5\",operation=\"all_reduce\"} 1\n"),
                          HasSubstr("phalanx_collective_bytes_total{world_rank=\"5\",operation=\"all_reduce\"} 3072\n"),
                          HasSubstr("phalanx_memory_bytes{world_rank=\"5\",arena=\"weights\"} 150\n"),
                          HasSubstr("phalanx_memory_planned_bytes{world_rank=\"5\",arena=\"weights\"} 200\n")));
  EXPECT_THAT(text, AllOf(HasSubstr("phalanx_build_info{"), Not(HasSubstr("loss")), Not(HasSubstr("checkpoint")),
                          Not(HasSubstr("tokens"))))
      << "facts of the run are told once, by rank 0";
}

TEST(RankMetrics, ListensAtThePortPlusTheNumberOnTheHost) {
  EXPECT_EQ(address_of_rank(at("127.0.0.1:9464"), 0).port, 9464);
  EXPECT_EQ(address_of_rank(at("127.0.0.1:9464"), 7).port, 9471);
  EXPECT_EQ(address_of_rank(at("127.0.0.1:9464"), 7).host, "127.0.0.1");
  EXPECT_EQ(address_of_rank(at("0.0.0.0:0"), 7).port, 0);
  EXPECT_EQ(address_of_rank(at("127.0.0.1:65535"), 0).port, 65535);
  EXPECT_THROW(address_of_rank(at("127.0.0.1:65530"), 6), UsageError);
}

TEST(RankMetrics, APortInUseNamesRankKeysAndPort) {
  const HttpServer other({"127.0.0.1", 0});
  const int port = other.address().port;
  try {
    RankMetrics rank(at(config::to_string({"127.0.0.1", port - 1})), 5, 1);
    FAIL() << "must throw";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("metrics.per_rank: rank 5"), HasSubstr("metrics.prometheus"),
                                    HasSubstr("port " + std::to_string(port)), HasSubstr("ddress already in use")));
  }
}

TEST(RankTargets, AreWhatPrometheusOnTheFirstHostReaches) {
  const RankTargets one =
      targets_of({"a 127.0.0.1:9464", "a 127.0.0.1:9465", "b 127.0.0.1:9464", "b 127.0.0.1:9465", "c [::1]:1"});
  EXPECT_THAT(one.addresses, ElementsAre("127.0.0.1:9464", "127.0.0.1:9465"));
  EXPECT_EQ(one.unreachable, 3);
  const RankTargets all = targets_of({"a a:9464", "a a:9465", "b b:9464", "b b:9465"});
  EXPECT_THAT(all.addresses, ElementsAre("a:9464", "a:9465", "b:9464", "b:9465"));
  EXPECT_EQ(all.unreachable, 0);
}

}  // namespace
}  // namespace phalanx
