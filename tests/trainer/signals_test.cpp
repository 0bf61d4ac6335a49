// Signals set a flag and nothing more.
#include "trainer/signals.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace phalanx {
namespace {

TEST(Signals, EachStopSignalIsRememberedByName) {
  install_stop_signals();
  clear_stop_request();
  EXPECT_FALSE(stop_requested());
  EXPECT_STREQ(stop_signal_name(), "");
  const std::pair<int, const char*> signals[] = {{SIGUSR1, "SIGUSR1"}, {SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}};
  for (const auto& [number, name] : signals) {
    clear_stop_request();
    std::raise(number);
    EXPECT_TRUE(stop_requested());
    EXPECT_STREQ(stop_signal_name(), name);
  }
  clear_stop_request();
  EXPECT_FALSE(stop_requested());
}

TEST(Signals, TermAndUsr1MayComeAnyNumberOfTimes) {
  install_stop_signals();
  for (int i = 0; i < 3; ++i) {
    std::raise(SIGTERM);
    std::raise(SIGUSR1);
  }
  EXPECT_TRUE(stop_requested());
  clear_stop_request();
}

TEST(Signals, SecondInterruptEndsTheProcess) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    install_stop_signals();
    std::raise(SIGINT);
    if (!stop_requested()) _exit(3);
    std::raise(SIGINT);
    _exit(4);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "exit status " << WEXITSTATUS(status);
  EXPECT_EQ(WTERMSIG(status), SIGINT);
}

}  // namespace
}  // namespace phalanx
