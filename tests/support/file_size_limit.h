// A disk that is full: a child process whose files may not grow.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

namespace phalanx::checkpoint::test {

// Runs `f` in a child process whose files may have at most `bytes`, as on a full disk; true when f and the child's exit
// went well. libhdf5 loses memory when a file cannot be closed: under the leak checker the child leaves without it.
inline bool with_file_size_limit(rlim_t bytes, const std::function<bool()>& f) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
    const int status = f() ? 0 : 1;
#ifdef __SANITIZE_ADDRESS__
    _exit(status);
#else
    std::exit(status);
#endif
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace phalanx::checkpoint::test
