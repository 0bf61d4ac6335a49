// The program from outside: exit statuses, what is printed where, and how jobs of several ranks end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/program.h"

namespace phalanx {
namespace {

using test::lines_of;
using test::Outcome;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Outcome phalanx_with(const std::string& arguments) { return test::run(PHALANX_BINARY " " + arguments); }

// Three ranks, whatever the number of cores.
Outcome job(const std::string& program) { return test::run("timeout 60 " + test::mpirun(3) + program); }

TEST(CommandLine, WithoutArgumentsHelpIsPrintedAndTheStatusIsTwo) {
  const Outcome o = phalanx_with("");
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, AllOf(HasSubstr("Usage: phalanx"), HasSubstr("config")));
  EXPECT_EQ(o.out, "");
}

TEST(CommandLine, HelpAndVersionSucceedOnStandardOutput) {
  for (const char* arguments : {"--help", "config --help", "config show --help"}) {
    const Outcome o = phalanx_with(arguments);
    EXPECT_EQ(o.status, 0) << arguments;
    EXPECT_THAT(o.out, HasSubstr("Usage: phalanx")) << arguments;
    EXPECT_EQ(o.err, "");
  }
  EXPECT_THAT(phalanx_with("--version").out, AllOf(StartsWith("phalanx "), HasSubstr("Open MPI")));
}

TEST(CommandLine, BadUsageIsStatusTwo) {
  for (const char* arguments : {"nonsense", "--nonsense", "config", "config show a b", "config show --set",
                                "config show none.yaml", "config show --set training.steps=many"}) {
    const Outcome o = phalanx_with(arguments);
    EXPECT_EQ(o.status, 2) << arguments;
    EXPECT_NE(o.err, "") << arguments;
    EXPECT_EQ(o.out, "") << arguments;
  }
}

TEST(CommandLine, ConfigShowPrintsTheValuesOfFileAndOverrides) {
  const Outcome o = phalanx_with("config show " PHALANX_SOURCE_DIR
                                 "/configs/gpt_tiny.yaml --set training.steps=77 --set model.layers=5");
  EXPECT_EQ(o.status, 0);
  EXPECT_THAT(o.out, AllOf(HasSubstr("runs/gpt_tiny"), HasSubstr(" 77 "), HasSubstr("  layers              5 ")));
}

TEST(CommandLine, ConfigurationErrorsOfAJobArePrintedOnceAndAreStatusTwo) {
  const Outcome o = job(PHALANX_BINARY " config show --set training.stpes=1");
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(lines_of(o.err), ElementsAre(AllOf(StartsWith("[rank 0 @ "), HasSubstr("training.steps"))));
}

TEST(CommandLine, CommandLineErrorsOfAJobArePrintedOnce) {
  const Outcome o = job(PHALANX_BINARY " nonsense");
  EXPECT_EQ(o.status, 2);
  EXPECT_EQ(lines_of(o.err).size(), 2U) << o.err;
}

TEST(Failure, AnErrorThatAllRanksMeetIsPrintedOnceAndFinalises) {
  const Outcome usage = job(PHALANX_FAILING_JOB " usage_all");
  EXPECT_EQ(usage.status, 2);
  EXPECT_THAT(lines_of(usage.err), ElementsAre(AllOf(StartsWith("[rank 0 @ "), HasSubstr("error: bad key"))));
  const Outcome agreed = job(PHALANX_FAILING_JOB " agreed_all");
  EXPECT_EQ(agreed.status, 1);
  EXPECT_THAT(lines_of(agreed.err), ElementsAre(HasSubstr("error: the loss is not finite")));
}

TEST(Failure, OneRanksErrorEndsTheJobWithItsMessageLast) {
  for (const auto& [kind, message] : {std::pair{"error_one", "error: the disk is full"}, {"memory_one", "bad_alloc"}}) {
    const Outcome o = job(std::string(PHALANX_FAILING_JOB " ") + kind);
    EXPECT_EQ(o.status, 1);
    EXPECT_LT(o.seconds, 20);
    ASSERT_THAT(lines_of(o.err), ::testing::Not(IsEmpty()));
    EXPECT_THAT(lines_of(o.err).back(), AllOf(StartsWith("[rank 1 @ "), HasSubstr(message)));
  }
}

TEST(Failure, AUsageErrorOfOneRankAloneDoesNotHangTheJob) {
  const Outcome o = job(PHALANX_FAILING_JOB " usage_one");
  EXPECT_EQ(o.status, 2);
  EXPECT_LT(o.seconds, 30);
  EXPECT_THAT(lines_of(o.err), ElementsAre(AllOf(StartsWith("[rank 1 @ "), HasSubstr("a file is not here"))));
}

TEST(Failure, SuccessIsSilent) {
  const Outcome o = job(PHALANX_FAILING_JOB " success");
  EXPECT_EQ(o.status, 0);
  EXPECT_EQ(o.err, "");
}

}  // namespace
}  // namespace phalanx
