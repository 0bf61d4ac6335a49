// What preflight says of what the ranks told, and the command on one machine.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/endless_job.h"
#include "trainer/preflight/report.h"

namespace phalanx::preflight {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::vector<Told> told(const std::vector<std::string>& values) {
  std::vector<Told> all;
  for (std::size_t r = 0; r < values.size(); ++r) {
    all.push_back({static_cast<int>(r), r < 2 ? "node01" : "node02", values[r]});
  }
  return all;
}

TEST(Preflight, RanksThatDifferFromTheMostAreNamedWithWhatMendsIt) {
  EXPECT_EQ(judge_equal("program", "build", "Install it", told({"a", "a", "a"})).outcome, Outcome::ok);
  const Finding found = judge_equal("program", "build", "Install it", told({"a", "a", "b", "a"}));
  EXPECT_EQ(found.outcome, Outcome::failure);
  EXPECT_EQ(found.text, "build differs: 3 ranks have a; rank 2 @ node02 has b. Install it");
}

TEST(Preflight, ComplaintsOfRanksAreToldWithTheirRanks) {
  EXPECT_EQ(judge_silent("limits", "fine", told({"", ""})).text, "fine");
  const Finding found = judge_silent("limits", "fine", told({"", "too few", "none"}));
  EXPECT_EQ(found.outcome, Outcome::failure);
  EXPECT_EQ(found.text, "rank 1 @ node01: too few; rank 2 @ node02: none");
}

TEST(Preflight, TheMapJoinsRanksOfAHost) {
  EXPECT_EQ(describe_map(told({"8 cores", "8 cores", "4 cores", "4 cores"})).text,
            "node01: ranks 0-1, 8 cores; node02: ranks 2-3, 4 cores");
  EXPECT_EQ(describe_map(told({"8 cores", "4 cores"})).text, "node01: rank 0, 8 cores; node01: rank 1, 4 cores");
}

class PreflightCommand : public test::EndlessJob {
 protected:
  [[nodiscard]] test::Outcome preflight(const std::string& options) const {
    return test::run_in(folder_.path(), test::mpirun(2) + PHALANX_BINARY + " preflight config.yaml " + options);
  }
};

TEST_F(PreflightCommand, AJobThatCanRunIsReadyAndNothingIsLeftBehind) {
  const test::Outcome o = preflight("--json");
  EXPECT_EQ(o.status, 0) << o.out << o.err;
  const auto json = nlohmann::json::parse(o.out);
  EXPECT_EQ(json.at("ready"), true);
  std::vector<std::string> checks;
  for (const auto& check : json.at("checks")) {
    EXPECT_NE(check.at("outcome"), "FAILED") << check.dump();
    checks.push_back(check.at("check"));
  }
  for (const char* check : {"map", "program", "configuration", "processor", "data", "limits", "clocks", "output",
                            "disk", "port", "collectives of the world group", "collectives of the data group"}) {
    EXPECT_THAT(checks, Contains(check));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
}

TEST_F(PreflightCommand, WhatIsMissingIsNamedAndTheOtherChecksStillRun) {
  const test::Outcome o = preflight("--set data.train=[{path:\\ nowhere}] --set run.output=/proc/run");
  EXPECT_EQ(o.status, 1) << o.err;
  EXPECT_THAT(o.out,
              AllOf(HasSubstr("FAILED  data: rank 0 @ "), HasSubstr("nowhere"), HasSubstr("FAILED  output: rank 0"),
                    HasSubstr("/proc/run"), HasSubstr("ok  collectives of the world group"), HasSubstr("not ready")));
}

TEST_F(PreflightCommand, DamagedDataIsNamed) {
  test::run_in(folder_.path(),
               "f=data/train/shard_00000.h5; s=$(stat -c %s $f); "
               "printf '\\377\\377\\377\\377' | dd of=$f bs=1 seek=$((s - 40)) conv=notrunc");
  const test::Outcome o = preflight("");
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.out, AllOf(HasSubstr("FAILED  data: "), HasSubstr("shard_00000.h5"), Not(HasSubstr("FAILED  disk"))));
}

TEST_F(PreflightCommand, APortThatIsTakenIsNamed) {
  const test::Outcome o = job_until(std::string("sleep 0.1; ") + test::mpirun(2) + PHALANX_BINARY +
                                        " preflight config.yaml --set metrics.prometheus=127.0.0.1:19464 >found; echo "
                                        "$? >>found; kill -USR1 $LAUNCHER",
                                    "--set metrics.prometheus=127.0.0.1:19464");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(test::read_file(folder_ / "found"), AllOf(HasSubstr("FAILED  port: "), HasSubstr("not ready\n1\n")));
}

}  // namespace
}  // namespace phalanx::preflight
