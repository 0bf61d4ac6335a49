#include "parallel/nccl_watch.h"

#include <chrono>
#include <utility>

#include "core/cuda_check.h"

namespace phalanx {
namespace {

constexpr std::chrono::milliseconds kPause{50};

}  // namespace

NcclWatch::NcclWatch(ncclComm_t comm, std::string group, const NcclOptions& options)
    : comm_(comm),
      group_(std::move(group)),
      device_(options.device),
      timeout_(options.timeout),
      on_failure_(options.on_failure),
      thread_([this] { run(); }) {}

NcclWatch::~NcclWatch() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_all();
  thread_.join();
  for (const Pending& pending : pending_) cudaEventDestroy(pending.end);
  for (cudaEvent_t event : events_) cudaEventDestroy(event);
}

cudaEvent_t NcclWatch::take_event() {
  {
    const std::lock_guard lock(mutex_);
    if (!events_.empty()) {
      cudaEvent_t event = events_.back();
      events_.pop_back();
      return event;
    }
  }
  cudaEvent_t event = nullptr;
  CUDA_OK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  return event;
}

void NcclWatch::add(const char* operation, std::int64_t number, cudaEvent_t end) {
  const std::lock_guard lock(mutex_);
  pending_.push_back({operation, number, end, Clock::now()});
}

void NcclWatch::require_sound() {
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) throw Error(failure_);
}

bool NcclWatch::aborted() {
  const std::lock_guard lock(mutex_);
  return aborted_;
}

void NcclWatch::run() {
  cudaSetDevice(device_);
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kPause, [this] { return ends_; })) {
    const std::string what = look();
    if (what.empty()) continue;
    failure_ = what;
    lock.unlock();
    fail(what);
    return;
  }
}

std::string NcclWatch::look() {
  while (!pending_.empty() && cudaEventQuery(pending_.front().end) == cudaSuccess) {
    events_.push_back(pending_.front().end);
    pending_.pop_front();
    if (!pending_.empty()) pending_.front().since = Clock::now();
  }
  const std::string last =
      pending_.empty() ? group_ : str(pending_.front().operation, " ", pending_.front().number, " of ", group_);
  ncclResult_t error = ncclSuccess;
  const ncclResult_t asked = nccl_library().comm_get_async_error(comm_, &error);
  if (asked != ncclSuccess) error = asked;
  if (error != ncclSuccess && error != ncclInProgress) {
    return str(last, ": NCCL reports ", nccl_library().get_error_string(error), ": ",
               nccl_library().get_last_error(comm_));
  }
  if (timeout_ > 0 && !pending_.empty() && seconds_since(pending_.front().since) > timeout_) {
    return str(last, " has not ended after ", timeout_, " s: another rank is not there, or takes another way");
  }
  return {};
}

void NcclWatch::fail(const std::string& what) {
  if (on_failure_) on_failure_(what);
  nccl_library().comm_abort(comm_);
  const std::lock_guard lock(mutex_);
  aborted_ = true;
}

}  // namespace phalanx
