// Runs a computation under several numbers of threads: its bits must not depend on them.
#pragma once

#include <gtest/gtest.h>
#include <omp.h>

#include <cstddef>
#include <functional>
#include <vector>

namespace phalanx::testing {

// Sets the number of OpenMP threads for a scope.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

inline void expect_same_bits_for_threads(const std::function<std::vector<std::byte>()>& compute) {
  const auto run = [&](int threads) {
    const ThreadCount scope(threads);
    return compute();
  };
  const std::vector<std::byte> one = run(1);
  EXPECT_TRUE(run(2) == one) << "two threads give other bits than one";
  EXPECT_TRUE(run(3) == one) << "three threads give other bits than one";
}

// The bytes of several arrays, one after another.
template <class... Arrays>
std::vector<std::byte> bytes_of_all(const Arrays&... arrays) {
  std::vector<std::byte> all;
  (all.insert(all.end(), arrays.bytes().begin(), arrays.bytes().end()), ...);
  return all;
}

}  // namespace phalanx::testing
