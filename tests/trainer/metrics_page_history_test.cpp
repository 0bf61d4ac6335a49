// From metrics.jsonl to what the page is told: equal numbers, small answers, files that grow, are replaced or damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tests/trainer/metrics_support.h"
#include "trainer/metrics/jsonl.h"
#include "trainer/metrics/page/run_follower.h"

namespace phalanx {
namespace {

using nlohmann::json;
using test::append;
using ::testing::AllOf;
using ::testing::HasSubstr;

StepStats stats_of(std::int64_t step) {
  StepStats s;
  s.step = step;
  s.time = 1.7e9 + 0.5 * static_cast<double>(step);
  s.loss = 1.0 / static_cast<double>(step + 2);
  s.learning_rate = 1e-3 / 3;
  s.gradient_norm = std::sqrt(static_cast<double>(step));
  s.tokens = 64 * step;
  s.step_seconds = 0.5;
  s.tokens_per_second = 128;
  s.model_flops_utilization_ratio = 0.45;
  s.phase_seconds = {0.01, 0.1, 0.2, 0.03, 0.04};
  return s;
}

class MetricsPageHistory : public ::testing::Test {
 protected:
  MetricsPageHistory() {
    info.name = "tiny";
    info.steps = 100;
    info.world_size = 2;
  }
  void write_run(std::int64_t last) const {
    JsonLines out(path);
    out.run(info, 1.7e9);
    for (std::int64_t step = 1; step <= last; ++step) out.step(stats_of(step), {{0.2, 0.6}, {}});
  }
  json ask(const std::string& cursor = "") {
    json answer = json::parse(follower.changes(cursor));
    seen = answer["history"]["cursor"];
    return answer;
  }
  std::string problem_of(const std::string& line) {
    append(path, line + "\n");
    return ask()["problem"];
  }

  test::TemporaryFolder folder;
  std::string path = folder / "metrics.jsonl";
  RunInfo info;
  RunFollower follower{path};
  std::string seen;
};

TEST_F(MetricsPageHistory, TheLatestStepHasTheExactNumbersOfTheFile) {
  write_run(7);
  const json line = json::parse(test::lines_of(test::read_file(path)).back());
  const json latest = ask()["history"]["latest"];
  for (const char* key : {"step", "time", "tokens", "loss", "learning_rate", "gradient_norm", "tokens_per_second",
                          "step_seconds", "model_flops_utilization_ratio"}) {
    EXPECT_EQ(latest[key], line[key]) << key;
  }
  for (const auto& [phase, value] : line["phase_seconds"].items()) EXPECT_EQ(latest[phase], value) << phase;
}

TEST_F(MetricsPageHistory, CurvesHaveTheNumbersOfTheFileToSevenDigits) {
  write_run(50);
  const json bins = ask()["history"]["bins"];
  ASSERT_EQ(bins["step"].size(), 50U);
  for (std::size_t b = 0; b < 50; ++b) {
    const StepStats s = stats_of(static_cast<std::int64_t>(b) + 1);
    EXPECT_EQ(bins["step"][b], s.step);
    EXPECT_EQ(bins["time"][b], s.time);
    EXPECT_NEAR(bins["mean"]["loss"][b].get<double>(), s.loss, 5e-7 * s.loss);
    EXPECT_NEAR(bins["mean"]["gradient_norm"][b].get<double>(), s.gradient_norm, 5e-7 * s.gradient_norm);
    EXPECT_EQ(bins["mean"]["backward"][b], 0.2);
  }
}

TEST_F(MetricsPageHistory, ALaterQuestionGetsOnlyWhatIsNew) {
  write_run(400);
  const std::size_t whole = ask()["history"].dump().size();
  {
    JsonLines out(path);
    out.step(stats_of(401));
    out.validation({401, 1.7e9, 2.25, 640, 1});
  }
  const json answer = ask(seen);
  const json& history = answer["history"];
  EXPECT_EQ(history["reset"], false);
  EXPECT_EQ(history["bins"]["from"], 399) << "the last bin known may have grown";
  EXPECT_EQ(history["bins"]["step"], (std::vector<int>{400, 401}));
  EXPECT_EQ(history["marks"]["new"].size(), 1U);
  EXPECT_EQ(history["marks"]["last"]["validation"]["value"], 2.25);
  EXPECT_FALSE(history.contains("run"));
  EXPECT_LT(answer.dump().size(), 2500U);
  EXPECT_GT(whole, 10'000U);
  EXPECT_EQ(ask(seen)["history"]["marks"]["new"].size(), 0U);
}

TEST_F(MetricsPageHistory, UnknownCursorsGetEverything) {
  write_run(3);
  for (const char* cursor : {"", "x", "1.2.3", "99999999999999999999.1.1.1.1", "-1.1.1.1.1", ",,,", "5.9999.1.1.1"}) {
    const json history = ask(cursor)["history"];
    EXPECT_EQ(history["reset"], true) << cursor;
    EXPECT_EQ(history["bins"]["step"].size(), 3U) << cursor;
    EXPECT_EQ(history["run"]["name"], "tiny");
  }
}

TEST_F(MetricsPageHistory, AHundredThousandStepsAreABoundedAnswer) {
  write_run(1);
  std::string lines;
  for (int step = 2; step <= 100'000; ++step) {
    lines += str(R"({"event":"step","step":)", step, R"(,"time":1,"loss":)", step == 777 ? 50.0 : 2.0, "}\n");
  }
  append(path, lines);
  json answer = ask();
  while (answer["more"] == true) answer = ask();
  const json& bins = answer["history"]["bins"];
  EXPECT_LE(bins["step"].size(), 1000U);
  EXPECT_EQ(bins["step"].back(), 100'000);
  double highest = 0;
  for (const json& value : bins["max"]["loss"]) highest = std::max(highest, value.get<double>());
  EXPECT_EQ(highest, 50) << "a spike stays to be seen";
  EXPECT_LT(answer.dump().size(), 300'000U);
}

TEST_F(MetricsPageHistory, RanksAreAveragedOverTheLastSteps) {
  write_run(3);
  JsonLines(path).step(stats_of(4), {{0.2, 1.0}, {}});
  const json ranks = ask()["history"]["ranks"];
  EXPECT_EQ(ranks["averaged"], 4);
  EXPECT_NEAR(ranks["seconds"][0].get<double>(), 0.2, 1e-7);
  EXPECT_NEAR(ranks["seconds"][1].get<double>(), 0.7, 1e-7);
}

TEST_F(MetricsPageHistory, MemoryDigestAndEtaComeFromTheFile) {
  write_run(10);
  StepStats s = stats_of(11);
  s.digest = "00ff";
  JsonLines(path).step(s, {{}, {{"weights", 100, 60}}});
  const json history = ask()["history"];
  EXPECT_EQ(history["memory"].dump(), R"({"weights":{"planned":100,"used":60}})");
  EXPECT_EQ(history["digest"].dump(), R"({"step":11,"value":"00ff"})");
  EXPECT_NEAR(history["eta_seconds"].get<double>(), 89 * 0.5, 1e-6) << "half a second a step";
}

TEST_F(MetricsPageHistory, AResumedRunContinuesItsCurve) {
  write_run(9);
  EXPECT_EQ(ask()["history"]["bins"]["step"].size(), 9U);
  {
    JsonLines out(path);
    out.truncate_after(6);
    info.steps = 200;
    out.resume(6, 1.7e9 + 100, "c", info);
    out.step(stats_of(7));
  }
  const json history = ask(seen)["history"];
  EXPECT_EQ(history["reset"], true) << "steps 7 to 9 are gone";
  EXPECT_EQ(history["bins"]["step"], (std::vector<int>{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(history["marks"]["new"][0]["event"], "resume");
  EXPECT_EQ(history["run"]["steps"], 200);
  EXPECT_EQ(history["run"]["time"], 1.7e9);
}

TEST_F(MetricsPageHistory, AFileCutInPlaceIsReadAnew) {
  write_run(9);
  ask();
  std::filesystem::resize_file(path, 0);
  write_run(2);
  EXPECT_EQ(ask(seen)["history"]["bins"]["step"], (std::vector<int>{1, 2}));
}

TEST_F(MetricsPageHistory, ALineIsTakenWhenItsEndIsThere) {
  write_run(1);
  append(path, R"({"event":"step","step":2,)");
  EXPECT_EQ(ask()["history"]["latest"]["step"], 1);
  append(path, "\"loss\":1}\n");
  EXPECT_EQ(ask()["history"]["latest"]["step"], 2);
}

TEST_F(MetricsPageHistory, NumbersThatWereNotFiniteAreGaps) {
  write_run(1);
  StepStats s = stats_of(2);
  s.loss = std::nan("");
  JsonLines(path).step(s, {{std::nan(""), 1}, {}});
  const json history = ask()["history"];
  EXPECT_TRUE(history["latest"]["loss"].is_null());
  EXPECT_TRUE(history["bins"]["mean"]["loss"][1].is_null());
  EXPECT_TRUE(history["ranks"]["seconds"][0].is_null());
}

TEST_F(MetricsPageHistory, AFileThatIsMissingIsNamedAndReadWhenItComes) {
  EXPECT_THAT(ask()["problem"].get<std::string>(), AllOf(HasSubstr(path), HasSubstr("No such file")));
  EXPECT_THROW(follower.require_readable(), Error);
  write_run(2);
  EXPECT_EQ(ask()["problem"], "");
  EXPECT_EQ(ask()["history"]["latest"]["step"], 2);
}

TEST_F(MetricsPageHistory, DamageNamesFileAndLineAndKeepsWhatCameBefore) {
  write_run(3);
  append(path, "{\"event\":\"st\n");
  const json answer = ask();
  EXPECT_EQ(answer["problem"], path + ":5: it is no JSON object");
  EXPECT_EQ(answer["history"]["latest"]["step"], 3);
  EXPECT_EQ(ask()["problem"], path + ":5: it is no JSON object") << "it stays damaged";
}

TEST_F(MetricsPageHistory, EachDamageSaysWhatIsWrong) {
  const std::string step = R"({"event":"step","step":4,)";
  for (const auto& [line, message] : std::vector<std::pair<std::string, std::string>>{
           {"[1]", "no JSON object"},
           {R"({"step":1})", "event is missing"},
           {R"({"event":7})", "event is no text"},
           {R"({"event":"step"})", "step is missing"},
           {R"({"event":"step","step":1.5})", "step is no whole number"},
           {R"({"event":"step","step":-1})", "step is out of range"},
           {R"({"event":"step","step":18446744073709551615})", "step is out of range"},
           {R"({"event":"step","step":3})", "step 3 comes after step 3"},
           {step + R"("loss":"x"})", "loss is no number"},
           {step + R"("phase_seconds":1})", "phase_seconds is no object"},
           {step + R"("phase_seconds":{"data":[]}})", "data is no number"},
           {step + R"("rank_step_seconds":{}})", "rank_step_seconds is no array"},
           {step + R"("rank_step_seconds":["a"]})", "rank_step_seconds is no number"},
           {step + R"("memory":{"weights":1}})", "memory.weights is no object"},
           {step + R"("digest":1})", "digest is no text"},
           {R"({"event":"validation","loss":1})", "step is missing"},
           {R"({"event":"run","format":1})", "a second run event"},
           {R"({"event":"run","format":2})", "its format is 2; this program reads format 1"},
           {std::string(50, '\0'), "no JSON object"}}) {
    std::filesystem::remove(path);
    write_run(3);
    EXPECT_THAT(problem_of(line), AllOf(HasSubstr(path + ":5: "), HasSubstr(message))) << line;
  }
}

TEST_F(MetricsPageHistory, WhatIsNoRecordOfARunIsRefused) {
  append(path, R"({"event":"step","step":1})"
               "\n");
  EXPECT_EQ(ask()["problem"], path + ":1: a run event must come first");
}

TEST_F(MetricsPageHistory, AnEndlessLineIsRefusedNotRead) {
  write_run(1);
  append(path, std::string(3 << 20, 'x'));
  EXPECT_THAT(ask()["problem"].get<std::string>(), HasSubstr(path + ":3: longer than"));
}

TEST_F(MetricsPageHistory, AFolderOrAnEmptyFileIsRefusedByName) {
  RunFollower of_folder(folder.path());
  EXPECT_THROW(of_folder.require_readable(), Error);
  append(path, "");
  try {
    follower.require_readable();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr(path), HasSubstr("no run is recorded")));
  }
}

TEST_F(MetricsPageHistory, EventsOfLaterVersionsArePassedOver) {
  write_run(1);
  EXPECT_EQ(problem_of(R"({"event":"weather","sun":true})"), "");
}

TEST_F(MetricsPageHistory, TheStateComesFromStatusJson) {
  write_run(1);
  EXPECT_EQ(ask()["state"], "");
  append(folder / "status.json", R"({"state":"failed","reason":"disk"})");
  const json answer = ask();
  EXPECT_EQ(answer["state"], "failed");
  EXPECT_EQ(answer["reason"], "disk");
}

}  // namespace
}  // namespace phalanx
