// NcclWatch: a thread that looks after a communicator of NCCL, whose operations run while nobody waits for them, and
// whose calls may wait for other ranks without an end. An error, or an operation that does not end, becomes a message
// and an abort instead of a silent hang.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "parallel/comm_nccl.h"
#include "parallel/nccl_library.h"
#include "parallel/usage_meter.h"

namespace phalanx {

class NcclWatch {
 public:
  using Kind = UsageMeter::Operation;

  // `group`: for messages: "the data communicator, rank 3 of 8".
  NcclWatch(std::string group, const NcclOptions& options);
  ~NcclWatch();
  NcclWatch(const NcclWatch&) = delete;
  NcclWatch& operator=(const NcclWatch&) = delete;

  // From now on errors of `comm` are asked for, and a failure aborts it.
  void attach(ncclComm_t comm);
  // Returns once the thread has ended. Whether the communicator is sound: if not, it must not be used any more.
  bool stop();

  // Operation `number` of this communicator begins: from here on its time runs. 0: what is done before the first one.
  void begin(const char* operation, std::int64_t number);
  // To be recorded before and behind what the operation just begun puts on the stream.
  struct Events {
    cudaEvent_t begin = nullptr;
    cudaEvent_t end = nullptr;
  };
  Events take_events();
  // The operation just begun is on its stream, and ends when `events.end` happens.
  void enqueued(Kind kind, const Events& events);
  // It has ended, or failed, without getting there.
  void withdraw();

  // Throws Error once something is wrong.
  void require_sound();
  // The oldest operation that has not ended; null: none.
  [[nodiscard]] const char* current() const;
  // Seconds on the GPU of the operations that have ended, other ranks waited for included.
  [[nodiscard]] double seconds(Kind kind) const;

 private:
  struct Pending {
    const char* operation;
    std::int64_t number;
    double waited = 0;  // seconds since it began, or the one before it ended
    Kind kind = Kind::count;
    bool enqueued = false;
    Events events{};
  };
  struct Verdict {
    std::string what;        // is wrong; empty: nothing
    bool from_peer = false;  // another rank may be the cause, and know more
  };
  void run();
  void retire_ended();
  Verdict look();
  [[nodiscard]] std::string oldest() const;  // for messages

  std::string group_;
  int device_;
  double timeout_;
  std::function<void(const std::string&)> on_failure_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  ncclComm_t comm_ = nullptr;
  bool ends_ = false;
  std::string failure_;
  std::string gpu_error_;
  Clock::time_point looked_ = Clock::now();
  std::deque<Pending> pending_;
  std::vector<Events> free_;
  std::array<double, static_cast<std::size_t>(Kind::count)> seconds_{};
  std::thread thread_;  // last: it uses the rest
};

}  // namespace phalanx
