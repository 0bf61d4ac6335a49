// ChildStream: bytes that a process of its own produces, so that a library that crashes or hangs on a damaged file
// takes nothing with it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace phalanx::data {

class ChildStream {
 public:
  using Write = std::function<void(const void* from, std::size_t bytes)>;

  // Runs `produce` in a fork of this process, with a GiB of memory beyond what is in use and a minute of processor time
  // between two writes. `what` names the file in messages. No other thread may hold a lock that `produce` takes.
  ChildStream(std::string what, const std::function<void(const Write&)>& produce);
  ~ChildStream();  // ends the process
  ChildStream(const ChildStream&) = delete;
  ChildStream& operator=(const ChildStream&) = delete;

  // The next `bytes`. Throws Error if the producer ended before: what it threw, or how it died.
  void read(void* to, std::size_t bytes);
  // At the end of the stream; throws as read() does if the producer failed, or has more.
  void finish();

 private:
  [[noreturn]] void throw_failure();
  int wait();

  std::string what_;
  int process_ = -1;  // -1: was waited for
  int data_ = -1, message_ = -1;
};

}  // namespace phalanx::data
