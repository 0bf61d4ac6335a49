// fork, two pipes: one for the bytes, one for what was thrown.
#include "data/import/child_stream.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include "core/check.h"
#include "core/file.h"

namespace phalanx::data {
namespace {

constexpr rlim_t kMemory = rlim_t{1} << 30;
constexpr time_t kSecondsPerWrite = 60;

void write_all(int to, const void* from, std::size_t bytes) {
  const auto* at = static_cast<const std::byte*>(from);
  while (bytes > 0) {
    const ssize_t n = ::write(to, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ::_exit(2);  // nobody reads any more
    at += n, bytes -= static_cast<std::size_t>(n);
  }
}

void restart_clock() {
  const itimerval timer{.it_interval = {}, .it_value = {.tv_sec = kSecondsPerWrite, .tv_usec = 0}};
  ::setitimer(ITIMER_PROF, &timer, nullptr);
}

// Signals kill quietly, whatever handlers the parent had set; memory and time are bounded.
void confine() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPIPE, SIGPROF, SIGTERM, SIGINT, SIGUSR1}) {
    ::signal(signal, SIG_DFL);
  }
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit memory{};
  if (pages > 0 && ::getrlimit(RLIMIT_AS, &memory) == 0) {
    const rlim_t limit = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + kMemory;
    memory.rlim_cur = memory.rlim_max == RLIM_INFINITY || limit < memory.rlim_max ? limit : memory.rlim_max;
    ::setrlimit(RLIMIT_AS, &memory);
  }
  restart_clock();
}

[[noreturn]] void run_child(const std::function<void(const ChildStream::Write&)>& produce, int data, int message) {
  confine();
  try {
    produce([data](const void* from, std::size_t bytes) {
      write_all(data, from, bytes);
      restart_clock();
    });
    ::_exit(0);
  } catch (const std::exception& failure) {
    write_all(message, failure.what(), std::strlen(failure.what()));
    ::_exit(1);
  }
}

std::string read_to_end(int from) {
  std::string text;
  std::array<char, 1024> block{};
  while (text.size() < (std::size_t{1} << 16)) {
    const ssize_t n = ::read(from, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(block.data(), static_cast<std::size_t>(n));
  }
  return text;
}

}  // namespace

ChildStream::ChildStream(std::string what, const std::function<void(const Write&)>& produce) : what_(std::move(what)) {
  std::array<int, 2> data{}, message{};
  if (::pipe2(data.data(), O_CLOEXEC) != 0) throw_errno(what_, "make a pipe for");
  if (::pipe2(message.data(), O_CLOEXEC) != 0) {
    ::close(data[0]), ::close(data[1]);
    throw_errno(what_, "make a pipe for");
  }
  process_ = ::fork();
  if (process_ == 0) {
    ::close(data[0]), ::close(message[0]);
    run_child(produce, data[1], message[1]);
  }
  ::close(data[1]), ::close(message[1]);
  data_ = data[0], message_ = message[0];
  if (process_ < 0) {
    ::close(data_), ::close(message_);
    throw_errno(what_, "start a process for");
  }
}

ChildStream::~ChildStream() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    wait();
  }
  ::close(data_), ::close(message_);
}

int ChildStream::wait() {
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  return status;
}

// After the end of its bytes.
void ChildStream::throw_failure() {
  const std::string message = read_to_end(message_);
  const int status = wait();
  if (!message.empty()) throw Error(message);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF) {
    throw Error(str(what_, ": is damaged: reading it did not come to an end"));
  }
  throw Error(str(what_, ": is damaged: the library that reads it ",
                  WIFSIGNALED(status) ? str("crashed (signal ", WTERMSIG(status), ")") : "ended early"));
}

void ChildStream::read(void* to, std::size_t bytes) {
  auto* at = static_cast<std::byte*>(to);
  while (bytes > 0) {
    const ssize_t n = ::read(data_, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(what_, "read");
    if (n == 0) throw_failure();
    at += n, bytes -= static_cast<std::size_t>(n);
  }
}

void ChildStream::finish() {
  char more = 0;
  ssize_t n = 0;
  do {
    n = ::read(data_, &more, 1);
  } while (n < 0 && errno == EINTR);
  ENSURE(n <= 0, what_, ": its reader gave more than it announced");
  const std::string message = read_to_end(message_);
  if (!message.empty()) throw Error(message);
  const int status = wait();
  ENSURE(WIFEXITED(status) && WEXITSTATUS(status) == 0, what_, ": its reader ended with status ", status);
}

}  // namespace phalanx::data
