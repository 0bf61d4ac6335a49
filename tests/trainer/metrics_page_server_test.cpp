// The live page over HTTP: of a run in this process, and of `phalanx dashboard`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tests/support/program.h"
#include "trainer/metrics/jsonl.h"
#include "trainer/metrics/metrics.h"
#include "trainer/metrics/page/live_page.h"

namespace phalanx {
namespace {

using nlohmann::json;
using test::append;
using test::http;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

json body_of(const std::string& answer) { return json::parse(answer.substr(answer.find("\r\n\r\n") + 4)); }

StepStats step_of(std::int64_t step, double loss) {
  StepStats s;
  s.step = step;
  s.loss = loss;
  return s;
}

void write_run(const std::string& path, const std::string& name, double loss) {
  JsonLines out(path);
  RunInfo info;
  info.name = name;
  info.steps = 3;
  out.run(info, 1);
  for (std::int64_t step = 1; step <= 3; ++step) out.step(step_of(step, loss));
}

TEST(MetricsPageServer, ARunServesItsPageAndItsHistory) {
  const test::TemporaryFolder folder;
  config::Config config;
  config.run.output = folder / "run";
  config.metrics.prometheus = "127.0.0.1:0";
  config.metrics.console_every = 0;
  const RunFolder run(config);
  ::testing::internal::CaptureStderr();
  Metrics metrics(config, RunInfo(), run);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("live page: http://127.0.0.1:"));
  const int port = metrics.server()->address().port;
  metrics.on_step(step_of(1, 1.25));
  const json first = body_of(http(port, "/api/history"))["runs"][0]["history"];
  EXPECT_EQ(first["latest"]["loss"], 1.25);
  metrics.on_step(step_of(2, 1.125));
  const std::string cursor = first["cursor"];
  const json second = body_of(http(port, "/api/history?after=" + cursor))["runs"][0]["history"];
  EXPECT_EQ(second["reset"], false);
  EXPECT_EQ(second["latest"]["loss"], 1.125);
  EXPECT_THAT(http(port, "/"), AllOf(StartsWith("HTTP/1.1 200 OK"), HasSubstr("text/html"), HasSubstr("</html>")));
}

TEST(MetricsPageServer, ThePageNeedsNothingFromElsewhere) {
  const std::string page(live_page_html());
  EXPECT_THAT(page, AllOf(StartsWith("<!doctype html>"), HasSubstr("class Chart"), HasSubstr("--card:")));
  EXPECT_THAT(page, AllOf(Not(HasSubstr("/*style*/")), Not(HasSubstr("/*script*/"))));
  for (const char* foreign : {"src=", "href=\"http", "@import", "url(h", "https://", "cdn"}) {
    EXPECT_THAT(page, Not(HasSubstr(foreign)));
  }
}

class Dashboard : public ::testing::Test {
 protected:
  // Serves `runs`, asks for `target` once it listens, ends it; what was answered is in `answer`.
  test::Outcome serve(const std::string& runs, const std::string& target, const std::string& between = "true") {
    return test::run_in(folder.path(),
                        std::string(PHALANX_BINARY) + " dashboard " + runs +
                            " --port 0 2>log & SERVER=$!; "
                            "for i in $(seq 200); do grep -q 'live page' log && break; sleep 0.05; done; " +
                            "PORT=$(grep -o '127.0.0.1:[0-9]*/' log | head -1 | tr -d / | cut -d: -f2); " + between +
                            R"(; bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT; )"
                            R"(printf 'GET )" +
                            target +
                            R"( HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3; cat <&3" >answer; )"
                            "kill -TERM $SERVER; wait $SERVER");
  }
  test::Outcome refuse(const std::string& arguments) {
    return test::run_in(folder.path(), std::string("timeout 20 ") + PHALANX_BINARY + " dashboard " + arguments);
  }
  json answer() const { return body_of(test::read_file(folder / "answer")); }
  test::TemporaryFolder folder;
};

TEST_F(Dashboard, ServesSeveralRunsByFolderOrFile) {
  std::filesystem::create_directories(folder / "a");
  std::filesystem::create_directories(folder / "b");
  write_run(folder / "a/metrics.jsonl", "first", 1.5);
  write_run(folder / "b/metrics.jsonl", "second", 2.5);
  const test::Outcome o = serve("a b/metrics.jsonl", "/api/history?after=,");
  EXPECT_EQ(o.status, 0) << o.err << test::read_file(folder / "log");
  const json runs = answer()["runs"];
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0]["history"]["run"]["name"], "first");
  EXPECT_EQ(runs[1]["history"]["run"]["name"], "second");
  EXPECT_EQ(runs[1]["history"]["bins"]["mean"]["loss"], (std::vector<double>{2.5, 2.5, 2.5}));
}

TEST_F(Dashboard, FollowsAFileThatGrows) {
  std::filesystem::create_directories(folder / "a");
  write_run(folder / "a/metrics.jsonl", "first", 1.5);
  const test::Outcome o =
      serve("a", "/api/history", R"(echo '{"event":"step","step":4,"loss":0.5}' >>a/metrics.jsonl)");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(answer()["runs"][0]["history"]["latest"]["step"], 4);
}

TEST_F(Dashboard, AMissingRunIsBadUsageThatNamesIt) {
  const test::Outcome o = refuse("none");
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("none does not exist; a RUN is a run folder"));
}

TEST_F(Dashboard, ADamagedFileIsAFailureThatNamesFileAndLine) {
  std::filesystem::create_directories(folder / "a");
  write_run(folder / "a/metrics.jsonl", "first", 1.5);
  append(folder / "a/metrics.jsonl", "garbage\n");
  const test::Outcome o = refuse("a");
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err, HasSubstr("a/metrics.jsonl:5: it is no JSON object"));
}

TEST_F(Dashboard, BadAddressesAndPortsAreBadUsage) {
  write_run(folder / "metrics.jsonl", "first", 1.5);
  for (const char* arguments : {"", ". --port 70000", ". --port x", ". --address nowhere"}) {
    EXPECT_EQ(refuse(arguments).status, 2) << arguments;
  }
}

TEST_F(Dashboard, APortInUseNamesTheOption) {
  write_run(folder / "metrics.jsonl", "first", 1.5);
  const HttpServer taken({"127.0.0.1", 0});
  const test::Outcome o = refuse(str(". --port ", taken.address().port));
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err, HasSubstr(str("--port: cannot listen on port ", taken.address().port)));
}

}  // namespace
}  // namespace phalanx
