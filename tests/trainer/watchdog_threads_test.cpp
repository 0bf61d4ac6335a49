// The watchdog's two sides over real sockets, in one process, and the stack of a thread.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "parallel/comm_self.h"
#include "trainer/watchdog/monitor.h"
#include "trainer/watchdog/reporter.h"
#include "trainer/watchdog/stack.h"

namespace phalanx::watchdog {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A rank's main thread as its watchdog sees it.
struct Rank {
  PhaseClock clock;
  std::unique_ptr<Communicator> self = make_self_communicator("self");
  Beacon beacon{clock, {self.get(), self.get(), self.get()}};
};

class Watchdogs : public testing::Test {
 protected:
  Watchdogs() {
    for (Rank* rank : {&zero_, &one_}) rank->beacon.enter(Activity::step, 1);
  }
  // Both sides look in turn, for up to `seconds`, until rank 0 gives a verdict.
  std::string look_for(double seconds, bool one_reports = true) {
    const auto start = Clock::now();
    while (seconds_since(start) < seconds) {
      if (const auto verdict = monitor_.look(10)) return *verdict;
      if (one_reports) reporter_.look(10);
    }
    return "";
  }

  Rank zero_, one_;
  std::vector<int> signs_ = {0, 0};  // of life, by rank
  Monitor monitor_{zero_.beacon, 2, true, 1.0, "secret", [this](int rank) { ++signs_.at(rank); }};
  Reporter reporter_{one_.beacon, 1, monitor_.meeting()};
};

// Rank 1 shakes hands in one call, which rank 0 must answer meanwhile.
class MeetingWatchdogs : public Watchdogs {
 protected:
  MeetingWatchdogs() {
    std::atomic<bool> met{false};
    std::thread other([&] {
      reporter_.look(10);
      met = true;
    });
    while (!met) monitor_.look(10);
    other.join();
  }
};

TEST_F(MeetingWatchdogs, ALateRankIsNamedWithItsPhaseWithinTheLimit) {
  one_.clock.enter(Phase::backward);
  const auto start = Clock::now();
  const std::string verdict = look_for(5);
  EXPECT_LT(seconds_since(start), 4.5);
  EXPECT_THAT(verdict, AllOf(HasSubstr("hang: step 1 has lasted"), HasSubstr("limit 1 s: run.hang_timeout"),
                             HasSubstr("rank 1 @ "), HasSubstr("phase backward")));
}

TEST_F(MeetingWatchdogs, StepsThatEndInTimeAreNoHang) {
  const auto start = Clock::now();
  for (std::int64_t step = 2; seconds_since(start) < 2; ++step) {
    for (Rank* rank : {&zero_, &one_}) rank->beacon.enter(Activity::step, step);
    ASSERT_EQ(look_for(0.2), "");
  }
}

TEST_F(MeetingWatchdogs, SignsOfLifeAreToldAndEndWithARanksSilence) {
  look_for(0.6);
  EXPECT_GT(signs_[0], 0);
  EXPECT_GT(signs_[1], 0);
  const std::vector<int> before = signs_;
  for (int i = 0; i < 3; ++i) monitor_.look(10);
  EXPECT_GT(signs_[0], before[0]);
  EXPECT_LE(signs_[1], before[1] + 1) << "at most what was on its way";
}

TEST_F(MeetingWatchdogs, ASilentRankIsNamed) {
  look_for(0.5);
  const std::string verdict = look_for(5, false);
  EXPECT_THAT(verdict, HasSubstr("hang: step 1"));
}

TEST_F(MeetingWatchdogs, ARankZeroThatFallsSilentIsFoundByAnotherRank) {
  zero_.beacon.enter(Activity::step, 2);
  look_for(0.6);  // long enough to be told the limit
  const auto start = Clock::now();
  std::optional<std::string> verdict;
  while (!verdict && seconds_since(start) < 6) verdict = reporter_.look(20);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_LT(seconds_since(start), 1.0 + 5.0);
  EXPECT_THAT(*verdict, AllOf(HasSubstr("rank 0 has told nothing for"), HasSubstr("rank 1 waits at step 1")));
}

TEST_F(Watchdogs, StrangersAreTurnedAway) {
  const Meeting meeting = monitor_.meeting();
  for (const char* line : {"GET / HTTP/1.1", "hello wrong 1 2 h", "hello secret 7 2 h", "hello secret 0 2 h"}) {
    auto stranger = LineSocket::connect("127.0.0.1", meeting.port, 1000);
    ASSERT_TRUE(stranger.has_value());
    stranger->send(line);
    for (int i = 0; i < 3; ++i) monitor_.look(20);
    EXPECT_TRUE(stranger->receive_within(100).empty()) << line;
    EXPECT_TRUE(stranger->broken()) << line;
  }
}

TEST_F(Watchdogs, AFloodWithoutLinesBreaksItsConnectionAlone) {
  auto stranger = LineSocket::connect("127.0.0.1", monitor_.meeting().port, 1000);
  ASSERT_TRUE(stranger.has_value());
  for (int i = 0; i < 100 && !stranger->broken(); ++i) {
    stranger->send(std::string(10000, 'x'));
    monitor_.look(1);
    static_cast<void>(stranger->receive());
  }
  EXPECT_TRUE(stranger->broken());
}

std::atomic<bool> may_return{false};

// Not inlined, and not the last call, so that it has a frame.
__attribute__((noinline)) void wait_in_a_named_place() {
  while (!may_return.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

TEST(WatchdogStack, OfTheMainThreadIsTakenFromAnother) {
  prepare_stack();
  std::vector<std::string> frames;
  may_return = false;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    frames = take_stack();
    may_return = true;
  });
  wait_in_a_named_place();
  other.join();
  ASSERT_GT(frames.size(), 3U);
  EXPECT_THAT(frames[0], HasSubstr("#0 "));
  EXPECT_THAT(frames, testing::Contains(HasSubstr("trainer_tests")));
}

}  // namespace
}  // namespace phalanx::watchdog
