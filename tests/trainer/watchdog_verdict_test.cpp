// Who is to blame for a job that hangs, from what the ranks have told; and when a job hangs.
#include "trainer/watchdog/verdict.h"

#include <gmock/gmock.h>

#include "trainer/watchdog/messages.h"
#include "trainer/watchdog/progress.h"

namespace phalanx::watchdog {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Position computing(std::int64_t step, Phase phase) {
  Position p;
  p.activity = Activity::step;
  p.step = step;
  p.phase = phase;
  return p;
}

Position waiting(std::int64_t step, int group, const char* operation, std::int64_t world_calls) {
  Position p = computing(step, Phase::optimizer);
  p.group = group;
  p.operation = operation;
  p.calls = {world_calls, 7, 7};
  return p;
}

RankReport report(int rank, const Position& position, double silent = 0.2) {
  return {.world_rank = rank,
          .host = "node07",
          .known = true,
          .position = position,
          .unmoved_seconds = 12.5,
          .silent_seconds = silent};
}

TEST(WatchdogVerdict, ARankThatComputesWhileOthersWaitIsLate) {
  const Verdict v = judge({report(0, waiting(5, 0, "all_reduce", 40)), report(1, computing(5, Phase::data)),
                           report(2, waiting(5, 0, "all_reduce", 40)), report(3, waiting(5, 0, "all_reduce", 40))});
  EXPECT_THAT(v.suspects, ElementsAre(1));
  EXPECT_THAT(v.text, AllOf(HasSubstr("rank 1 @ node07 is late: step 5, phase data, for 12.5 s"),
                            HasSubstr("ranks 0, 2, 3 wait at step 5, in all_reduce of the world group (call 40)")));
}

TEST(WatchdogVerdict, ARankThatIsSilentIsToBlameThoughAnotherComputes) {
  std::vector<RankReport> ranks = {report(0, waiting(5, 0, "all_reduce", 40)), report(1, computing(5, Phase::forward)),
                                   report(2, computing(5, Phase::forward), 10)};
  Verdict v = judge(ranks);
  EXPECT_THAT(v.suspects, ElementsAre(2));
  EXPECT_THAT(v.text, HasSubstr("rank 2 @ node07 has told nothing for 10.0 s: its process is stopped, or its host"));
  ranks[2].stopped = true;
  EXPECT_THAT(judge(ranks).text, HasSubstr("its process is stopped (by a signal or a debugger) and cannot answer"));
}

TEST(WatchdogVerdict, ARankThatLeftOutACollectiveIsTheOneApartFromTheMost) {
  const Verdict v = judge({report(0, waiting(5, 0, "all_reduce", 40)), report(1, waiting(5, 0, "all_reduce", 40)),
                           report(2, waiting(6, 1, "all_gather", 39)), report(3, waiting(5, 0, "all_reduce", 40))});
  EXPECT_THAT(v.suspects, ElementsAre(2));
  EXPECT_THAT(v.text,
              HasSubstr("rank 2 @ node07 left a collective out or took another branch: it is at step 6, in all_gather "
                        "of the data group (call 7), for 12.5 s; it has entered 39 collectives of the world group, 40 "
                        "were entered by ranks 0, 1, 3"));
}

TEST(WatchdogVerdict, OfTwoRanksApartTheOneThatEnteredFewerCollectivesLeftOneOut) {
  for (const int skipper : {0, 1}) {
    std::vector<RankReport> ranks = {report(0, waiting(5, 0, "all_reduce", 40)),
                                     report(1, waiting(5, 0, "all_reduce", 40))};
    ranks[static_cast<std::size_t>(skipper)].position = waiting(6, 1, "all_reduce", 39);
    EXPECT_THAT(judge(ranks).suspects, ElementsAre(skipper));
  }
}

TEST(WatchdogVerdict, WhenAllAreInOneCollectiveNoRankIsBlamed) {
  const Verdict v = judge({report(0, waiting(5, 0, "barrier", 40)), report(1, waiting(5, 0, "barrier", 40))});
  EXPECT_THAT(v.suspects, IsEmpty());
  EXPECT_THAT(v.text, HasSubstr("no rank is missing"));
}

TEST(WatchdogVerdict, ARankThatNeverReachedRankZeroIsSaidToBeUnknown) {
  RankReport unknown;
  unknown.world_rank = 1;
  const Verdict v = judge({report(0, waiting(5, 0, "barrier", 40)), unknown});
  EXPECT_THAT(v.text, AllOf(HasSubstr("of rank 1 nothing is known"), Not(HasSubstr("no rank is missing"))));
}

TEST(WatchdogVerdict, LongListsOfRanksAreCut) {
  std::vector<RankReport> ranks;
  ranks.reserve(1000);
  for (int r = 0; r < 1000; ++r) ranks.push_back(report(r, waiting(5, 0, "barrier", 40)));
  EXPECT_THAT(judge(ranks).text, HasSubstr("… (1000 ranks) wait at"));
}

TEST(WatchdogProgress, AStepIsOverdueBeyondTheConfiguredLimitThoughRanksMove) {
  Progress progress(2, 10.0);
  progress.hear(0, computing(1, Phase::data), 0);
  Position other = computing(1, Phase::data);
  for (int second = 1; second <= 10; ++second) {
    other.signs = second;
    progress.hear(1, other, second);
    EXPECT_EQ(progress.overdue(second), std::nullopt);
  }
  EXPECT_THAT(*progress.overdue(10.5), HasSubstr("step 1 has lasted 10.5 s (limit 10 s: run.hang_timeout)"));
  progress.hear(0, computing(2, Phase::data), 10.6);
  EXPECT_EQ(progress.overdue(10.7), std::nullopt);
}

TEST(WatchdogProgress, TheLimitIsLearnedFromTheMedianStep) {
  Progress progress(1, std::nullopt);
  double now = 0;
  std::int64_t step = 1;
  const auto steps_of = [&](double seconds, int count) {
    for (int i = 0; i < count; ++i) progress.hear(0, computing(++step, Phase::data), now += seconds);
  };
  progress.hear(0, computing(step, Phase::data), now);
  EXPECT_EQ(progress.overdue(500), std::nullopt) << "no step is known";
  EXPECT_NE(progress.overdue(601), std::nullopt) << "and no sign of life";
  steps_of(1, 5);
  EXPECT_EQ(progress.limit(), StepLimit::kLeast);
  EXPECT_EQ(progress.overdue(now + 59), std::nullopt);
  EXPECT_THAT(*progress.overdue(now + 61), HasSubstr("median step of 1 s"));
  steps_of(7, 200);
  EXPECT_EQ(progress.limit(), 140);
  EXPECT_EQ(progress.overdue(now + 139), std::nullopt);
  EXPECT_NE(progress.overdue(now + 141), std::nullopt);
}

TEST(WatchdogProgress, AnEvaluationMayTakeAsLongAsItGetsOn) {
  Progress progress(1, 10.0);
  Position p = computing(3, Phase::forward);
  p.activity = Activity::evaluation;
  for (int second = 0; second < 100; second += 9) {
    ++p.signs;
    progress.hear(0, p, second);
    EXPECT_EQ(progress.overdue(second), std::nullopt);
  }
  EXPECT_THAT(*progress.overdue(110), HasSubstr("no rank got on for 11.0 s in evaluation after step 3"));
}

TEST(WatchdogProgress, ASaveMayTakeLongUnlessARankIsSilent) {
  Progress progress(2, 10.0);
  Position p = computing(3, Phase::forward);
  p.activity = Activity::checkpoint;
  for (double now = 0; now < 3000; now += 1) {
    progress.hear(0, p, now);
    progress.hear(1, p, now);
  }
  EXPECT_EQ(progress.overdue(3000), std::nullopt);
  progress.hear(0, p, 3010.5);
  EXPECT_NE(progress.overdue(3010.5), std::nullopt) << "rank 1 has told nothing since 2999";
}

TEST(WatchdogProgress, NothingIsOverdueAtTheEnd) {
  Progress progress(1, 10.0);
  Position p;
  p.activity = Activity::end;
  progress.hear(0, p, 0);
  EXPECT_EQ(progress.overdue(1e6), std::nullopt);
}

TEST(WatchdogMessages, PositionsReadBackAndGarbageIsNone) {
  const Position p = waiting(123456789012, 2, "reduce_scatter", 40);
  const auto read = from_line(to_line(p));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(to_line(*read), to_line(p));
  EXPECT_EQ(read->operation, "reduce_scatter");
  EXPECT_FALSE(read->moved_since(p));
  for (const char* line : {"", "hello", "9 0 0 0 -1 0 0 0", "1 0 77 0 -1 0 0 0", "1 0 0 0 5 0 0 0", "1 0 0 0 -1 0 0"}) {
    EXPECT_EQ(from_line(line), std::nullopt) << line;
  }
}

TEST(WatchdogMessages, HellosAndMeetingsReadBackAndGarbageIsNone) {
  const auto hello = hello_from_line(to_line(Hello{"abc", 3, 4711, "node07"}));
  ASSERT_TRUE(hello.has_value());
  EXPECT_EQ(hello->world_rank, 3);
  EXPECT_EQ(hello->pid, 4711);
  EXPECT_EQ(hello->host, "node07");
  for (const char* line : {"", "hello", "hello abc", "hello abc x 1 h", "GET / HTTP/1.1"}) {
    EXPECT_EQ(hello_from_line(line), std::nullopt) << line;
  }
  const Meeting meeting = meeting_from_line(to_line(Meeting{"abc", 4711, "127.0.0.1 10.0.0.1"}));
  EXPECT_EQ(meeting.port, 4711);
  EXPECT_EQ(meeting.addresses, "127.0.0.1 10.0.0.1");
}

}  // namespace
}  // namespace phalanx::watchdog
