#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "core/check.h"
#include "tests/support/cuda/cuda_runtime.h"
#include "tests/support/cuda/device_memory.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;

// switch_stack(save, load): keeps the registers that a call preserves on the running stack, notes its top in *save, and
// goes on where `load` was noted. A hundred times faster than swapcontext, which calls the kernel.
extern "C" void phalanx_emulator_switch_stack(void** save, void* load);
asm(R"(
.text
.type phalanx_emulator_switch_stack, @function
phalanx_emulator_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size phalanx_emulator_switch_stack, .-phalanx_emulator_switch_stack
)");

namespace phalanx::emulator {
namespace {

constexpr std::size_t kStackBytes = std::size_t{128} << 10;
constexpr unsigned kWarp = 32;

enum class State : std::uint8_t { ready, waits_for_warp, waits_for_block, done };

struct Fibre {
  std::unique_ptr<std::byte[]> stack{new std::byte[kStackBytes]};
  void* top = nullptr;  // of the stack, while it does not run
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
    phalanx_emulator_switch_stack(&fibre.top, scheduler_);
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

  // The stack as if the fibre had been switched from at its entry: six registers and where to return to.
  static void start(Fibre& fibre) {
    constexpr std::size_t kRegisters = 6;
    auto* end = reinterpret_cast<void**>(fibre.stack.get() + kStackBytes);
    end -= reinterpret_cast<std::uintptr_t>(end) / sizeof(void*) % 2;  // calls want the stack at multiples of 16 bytes
    end[-2] = reinterpret_cast<void*>(&Block::enter);
    fibre.top = end - 2 - kRegisters;
    fibre.state = State::ready;
    fibre.exchanges = 0;
  }

  void body() {
    try {
      (*thread_)();
    } catch (...) {
      error_ = std::current_exception();
    }
    wait(State::done);
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
      phalanx_emulator_switch_stack(&scheduler_, fibres_[t]->top);
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
  void* scheduler_ = nullptr;
  std::vector<std::unique_ptr<Fibre>> fibres_;
  std::exception_ptr error_;
};

Block the_block;

void Block::enter() { the_block.body(); }

}  // namespace

void run(dim3 grid, dim3 block, const std::function<void()>& thread) {
  ENSURE(block.y == 1 && block.z == 1 && block.x >= 1 && block.x <= 1024, "blocks of (", block.x, ", ", block.y, ", ",
         block.z, ") threads");
  const DeviceAccess access;
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
