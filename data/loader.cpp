// The prefetch thread: makes steps ahead into a ring of StepBatches.
#include "data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "core/check.h"
#include "core/clock.h"
#include "data/step_maker.h"

namespace phalanx::data {

struct Loader::State {
  explicit State(const LoaderOptions& options);
  ~State();
  void produce();
  bool wait_for_room();
  const StepBatch& next();

  StepMaker maker;
  std::vector<StepBatch> ring;  // one for the trainer, the others ahead
  double wait_seconds = 0;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::int64_t made = 0;   // steps that the thread has finished
  std::int64_t taken = 0;  // steps that next() has given out; the last of them is in use
  std::exception_ptr failure;
  bool stop = false;

  std::thread thread;  // last: starts when all above is there
};

Loader::State::State(const LoaderOptions& options)
    : maker(options),
      ring(static_cast<std::size_t>(std::max(options.prefetch, 1)) + 1),
      thread([this] { produce(); }) {}

Loader::State::~State() {
  {
    const std::lock_guard lock(mutex);
    stop = true;
  }
  changed.notify_all();
  thread.join();
}

// False when the loader is going away. The slot of the step in use (taken - 1) is not room.
bool Loader::State::wait_for_room() {
  std::unique_lock lock(mutex);
  const auto slots = static_cast<std::int64_t>(ring.size());
  changed.wait(lock, [&] { return stop || made - std::max<std::int64_t>(taken - 1, 0) < slots; });
  return !stop;
}

void Loader::State::produce() {
  try {
    while (wait_for_room()) {
      maker.make(made, ring[static_cast<std::size_t>(made) % ring.size()]);
      {
        const std::lock_guard lock(mutex);
        ++made;
      }
      changed.notify_all();
    }
  } catch (...) {
    {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
    changed.notify_all();
  }
}

const StepBatch& Loader::State::next() {
  std::unique_lock lock(mutex);
  ++taken;
  changed.notify_all();
  const auto begin = Clock::now();
  changed.wait(lock, [&] { return failure || made >= taken; });
  wait_seconds += seconds_since(begin);
  if (made < taken) std::rethrow_exception(failure);  // steps made before the failure are given out first
  return ring[static_cast<std::size_t>(taken - 1) % ring.size()];
}

Loader::Loader(const LoaderOptions& options) : state_(std::make_unique<State>(options)) {}

Loader::~Loader() = default;

const StepBatch& Loader::next() { return state_->next(); }

double Loader::wait_seconds() const { return state_->wait_seconds; }

}  // namespace phalanx::data
