// The stack of the main thread, taken by a signal that interrupts it wherever it is.
#pragma once

#include <string>
#include <vector>

namespace phalanx::watchdog {

// To be called on the main thread, once, before the first take_stack: that thread's stack is what will be taken.
void prepare_stack();

// Its frames, the innermost first: "#0 name+0x12 (file)"; names of functions where the program exports them. Any other
// thread may call this, one at a time. Empty when the thread does not answer within a second: it is stopped, or inside
// of the kernel.
std::vector<std::string> take_stack();

}  // namespace phalanx::watchdog
