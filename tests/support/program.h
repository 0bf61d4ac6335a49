// Running programs from a test: the exit status, what they printed, and how long they took.
#pragma once

#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "tests/trainer/metrics_support.h"

namespace phalanx::test {

struct Outcome {
  int status = -1;  // exit status; -1: ended by a signal
  std::string out, err;
  double seconds = 0;
};

// Runs a shell command in `folder`, or in a temporary one.
inline Outcome run_in(const std::string& folder, const std::string& command) {
  const TemporaryFolder streams;
  const std::string out = streams / "out";
  const std::string err = streams / "err";
  const auto start = std::chrono::steady_clock::now();
  const std::string whole = "cd '" + folder + "' && { " + command + " ; } >" + out + " 2>" + err + " </dev/null";
  const int raw = std::system(whole.c_str());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {WIFEXITED(raw) ? WEXITSTATUS(raw) : -1, read_file(out), read_file(err), seconds.count()};
}
inline Outcome run(const std::string& command) {
  const TemporaryFolder folder;
  return run_in(folder.path(), command);
}

// "mpirun ... " for some ranks, whatever the number of cores.
inline std::string mpirun(int ranks) {
  ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
  ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  return std::string(PHALANX_MPIEXEC) + " --oversubscribe --bind-to none --quiet -np " + std::to_string(ranks) + " ";
}

}  // namespace phalanx::test
