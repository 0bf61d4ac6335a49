#include "parallel/nccl_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/cuda_check.h"

namespace phalanx {
namespace {

constexpr std::chrono::milliseconds kPause{50};
constexpr double kMostSeconds = 1;  // of the time between two looks that count: not those of a process that was stopped
// A rank that ends takes its connections with it. It, not its peers, knows why, so it speaks first.
constexpr std::chrono::seconds kCourtesy{2};

}  // namespace

NcclWatch::NcclWatch(std::string group, const NcclOptions& options)
    : group_(std::move(group)),
      device_(options.device),
      timeout_(options.timeout),
      on_failure_(options.on_failure),
      thread_([this] { run(); }) {}

NcclWatch::~NcclWatch() {
  stop();
  for (const Pending& pending : pending_) free_.push_back(pending.events);
  for (const Events& events : free_) {
    if (events.begin != nullptr) cudaEventDestroy(events.begin);
    if (events.end != nullptr) cudaEventDestroy(events.end);
  }
}

void NcclWatch::attach(ncclComm_t comm) {
  const std::lock_guard lock(mutex_);
  comm_ = comm;
}

bool NcclWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  return failure_.empty();
}

// Operations ---------------------------------------------------------------------------------------------------------

void NcclWatch::begin(const char* operation, std::int64_t number) {
  const std::lock_guard lock(mutex_);
  pending_.push_back({operation, number});
}

NcclWatch::Events NcclWatch::take_events() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      const Events events = free_.back();
      free_.pop_back();
      return events;
    }
  }
  Events events;
  CUDA_OK(cudaEventCreate(&events.begin));
  CUDA_OK(cudaEventCreate(&events.end));
  return events;
}

void NcclWatch::enqueued(Kind kind, const Events& events) {
  const std::lock_guard lock(mutex_);
  Pending& last = pending_.back();
  last.kind = kind;
  last.events = events;
  last.enqueued = true;
}

void NcclWatch::withdraw() {
  const std::lock_guard lock(mutex_);
  pending_.pop_back();
}

void NcclWatch::require_sound() {
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) throw Error(failure_);
}

const char* NcclWatch::current() const {
  const std::lock_guard lock(mutex_);
  return pending_.empty() ? nullptr : pending_.front().operation;
}

double NcclWatch::seconds(Kind kind) const {
  const std::lock_guard lock(mutex_);
  return seconds_[static_cast<std::size_t>(kind)];
}

// The thread ---------------------------------------------------------------------------------------------------------

void NcclWatch::run() {
  cudaSetDevice(device_);
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kPause, [this] { return ends_; })) {
    const Verdict verdict = look();
    if (verdict.what.empty()) continue;
    const bool ending = verdict.from_peer && wake_.wait_for(lock, kCourtesy, [this] { return ends_; });
    failure_ = verdict.what;
    lock.unlock();
    if (!ending && on_failure_) on_failure_(verdict.what);
    if (comm_ != nullptr) nccl_library().comm_abort(comm_);  // frees a thread that waits in one of its calls
    return;
  }
}

void NcclWatch::retire_ended() {
  while (!pending_.empty() && pending_.front().enqueued) {
    const Pending& first = pending_.front();
    const cudaError_t state = cudaEventQuery(first.events.end);
    if (state == cudaErrorNotReady) return;
    if (state != cudaSuccess) {
      gpu_error_ = cudaGetErrorString(state);
      return;
    }
    float milliseconds = 0;
    cudaEventElapsedTime(&milliseconds, first.events.begin, first.events.end);
    seconds_[static_cast<std::size_t>(first.kind)] += milliseconds * 1e-3;
    free_.push_back(first.events);
    pending_.pop_front();
  }
}

std::string NcclWatch::oldest() const {
  if (pending_.empty()) return group_;
  const Pending& first = pending_.front();
  return first.number == 0 ? str(first.operation, " of ", group_)
                           : str(first.operation, " ", first.number, " of ", group_);
}

NcclWatch::Verdict NcclWatch::look() {
  retire_ended();
  const double passed = std::min(seconds_since(looked_), kMostSeconds);
  looked_ = Clock::now();
  if (!pending_.empty()) pending_.front().waited += passed;
  if (!gpu_error_.empty()) return {str(oldest(), ": the GPU reports ", gpu_error_)};
  if (comm_ != nullptr) {
    ncclResult_t error = ncclSuccess;
    const ncclResult_t asked = nccl_library().comm_get_async_error(comm_, &error);
    if (asked != ncclSuccess) error = asked;
    if (error != ncclSuccess && error != ncclInProgress) {
      return {str(oldest(), ": NCCL reports ", nccl_library().get_error_string(error), ": ",
                  nccl_library().get_last_error(comm_)),
              true};
    }
  }
  if (timeout_ > 0 && !pending_.empty() && pending_.front().waited > timeout_) {
    return {str(oldest(), " has not ended after ", timeout_, " s: another rank is not there, or does something else")};
  }
  return {};
}

}  // namespace phalanx
