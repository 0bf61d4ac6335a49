#include <ucontext.h>

#include <array>
#include <exception>
#include <memory>
#include <vector>

#include "core/check.h"
#include "tests/support/cuda/cuda_runtime.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace phalanx::emulator {
namespace {

constexpr std::size_t kStackBytes = std::size_t{128} << 10;
constexpr unsigned kWarp = 32;

enum class State : std::uint8_t { ready, waits_for_warp, waits_for_block, done };

struct Fibre {
  ucontext_t context{};
  std::unique_ptr<std::byte[]> stack{new std::byte[kStackBytes]};
  State state = State::done;
  unsigned exchanges = 0;  // so far: two buffers take turns, because one lane may be an exchange ahead
  std::array<std::uint64_t, 2> slots{};
};

// One block at a time.
class Block {
 public:
  void run(dim3 block, const std::function<void()>& thread) {
    thread_ = &thread;
    count_ = block.x;
    while (fibres_.size() < count_) fibres_.push_back(std::make_unique<Fibre>());
    for (unsigned t = 0; t < count_; ++t) start(*fibres_[t]);
    while (!finished()) step();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  void wait(State state) {
    Fibre& fibre = *fibres_[current_];
    fibre.state = state;
    swapcontext(&fibre.context, &scheduler_);
  }

  std::uint64_t exchange(std::uint64_t value, unsigned from) {
    Fibre& mine = *fibres_[current_];
    const unsigned buffer = mine.exchanges++ % 2;
    mine.slots[buffer] = value;
    wait(State::waits_for_warp);
    return fibres_[current_ / kWarp * kWarp + from]->slots[buffer];
  }

 private:
  static void enter();

  void start(Fibre& fibre) {
    getcontext(&fibre.context);
    fibre.context.uc_stack.ss_sp = fibre.stack.get();
    fibre.context.uc_stack.ss_size = kStackBytes;
    fibre.context.uc_link = &scheduler_;
    fibre.state = State::ready;
    fibre.exchanges = 0;
    makecontext(&fibre.context, &Block::enter, 0);
  }

  void body() {
    try {
      (*thread_)();
    } catch (...) {
      error_ = std::current_exception();
    }
    fibres_[current_]->state = State::done;
  }

  [[nodiscard]] bool finished() const {
    for (unsigned t = 0; t < count_; ++t) {
      if (fibres_[t]->state != State::done) return false;
    }
    return true;
  }

  // Every thread that may runs until it waits or ends; then whole warps, and the whole block, go on.
  void step() {
    bool ran = false;
    for (unsigned t = 0; t < count_; ++t) {
      if (fibres_[t]->state != State::ready) continue;
      ran = true;
      current_ = t;
      threadIdx = {t, 0, 0};
      swapcontext(&scheduler_, &fibres_[t]->context);
    }
    bool released = release(0, count_, State::waits_for_block);
    for (unsigned begin = 0; begin < count_; begin += kWarp) {
      released = release(begin, std::min(begin + kWarp, count_), State::waits_for_warp) || released;
    }
    ENSURE(ran || released, "the threads of a block wait for each other: some skip a barrier or a shuffle");
  }

  // A barrier opens when all threads of [begin, end) wait at it.
  bool release(unsigned begin, unsigned end, State state) {
    for (unsigned t = begin; t < end; ++t) {
      if (fibres_[t]->state != state) return false;
    }
    for (unsigned t = begin; t < end; ++t) fibres_[t]->state = State::ready;
    return begin < end;
  }

  const std::function<void()>* thread_ = nullptr;
  unsigned count_ = 0;
  unsigned current_ = 0;
  ucontext_t scheduler_{};
  std::vector<std::unique_ptr<Fibre>> fibres_;
  std::exception_ptr error_;
};

Block the_block;

void Block::enter() { the_block.body(); }

}  // namespace

void run(dim3 grid, dim3 block, const std::function<void()>& thread) {
  ENSURE(block.y == 1 && block.z == 1 && block.x >= 1 && block.x <= 1024, "blocks of (", block.x, ", ", block.y, ", ",
         block.z, ") threads");
  gridDim = grid;
  blockDim = block;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        the_block.run(block, thread);
      }
    }
  }
}

void wait_for_block() { the_block.wait(State::waits_for_block); }
std::uint64_t exchange(std::uint64_t value, unsigned from) { return the_block.exchange(value, from); }

}  // namespace phalanx::emulator
