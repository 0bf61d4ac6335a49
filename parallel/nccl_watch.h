// NcclWatch: a thread that looks after a communicator of NCCL, whose operations run while nobody waits for them. An
// error, or an operation that does not end, becomes a message and an abort instead of a silent hang.
#pragma once

#include <cuda_runtime.h>

#include <condition_variable>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "parallel/comm_nccl.h"
#include "parallel/nccl_library.h"

namespace phalanx {

class NcclWatch {
 public:
  // `group`: for messages: "the data communicator, rank 3 of 8".
  NcclWatch(ncclComm_t comm, std::string group, const NcclOptions& options);
  ~NcclWatch();
  NcclWatch(const NcclWatch&) = delete;
  NcclWatch& operator=(const NcclWatch&) = delete;

  // An event to record behind an operation; add() takes it back.
  cudaEvent_t take_event();
  // Operation `number` of this communicator ends with `end`.
  void add(const char* operation, std::int64_t number, cudaEvent_t end);
  // Throws Error once something is wrong.
  void require_sound();
  // Whether the communicator has been aborted, and must not be destroyed any more.
  [[nodiscard]] bool aborted();

 private:
  struct Pending {
    const char* operation;
    std::int64_t number;
    cudaEvent_t end;
    Clock::time_point since;  // it was enqueued, or the one before it ended
  };
  void run();
  std::string look();  // what is wrong; empty: nothing
  void fail(const std::string& what);

  ncclComm_t comm_;
  std::string group_;
  int device_;
  double timeout_;
  std::function<void(const std::string&)> on_failure_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ends_ = false;
  bool aborted_ = false;
  std::string failure_;
  std::deque<Pending> pending_;
  std::vector<cudaEvent_t> events_;  // free ones
  std::thread thread_;               // last: it uses the rest
};

}  // namespace phalanx
