// Arena: one allocation, handed out front to back. While planning it has no memory and only measures, so the very code
// that runs a job also tells what the job needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/tensor.h"

namespace phalanx {

class Arena {
 public:
  static constexpr std::int64_t kAlignment = 256;  // bytes; what cuBLASLt and cuDNN want, and four cache lines

  // A planning arena: hands out addresses that must not be touched, and remembers the peak.
  Arena(std::string name, Device device);
  // An arena of `bytes`, allocated now and zeroed.
  Arena(std::string name, Device device, std::int64_t bytes);
  ~Arena();
  Arena(Arena&&) noexcept;
  Arena& operator=(Arena&&) noexcept;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // The next block. Contents are whatever was there. Throws when the arena is full (a fault of planning).
  Tensor take(const Shape& shape, DType dtype);

  // Stack discipline: everything taken after mark() is given back by release(mark).
  [[nodiscard]] std::int64_t mark() const { return used_; }
  void release(std::int64_t mark);
  void reset() { release(0); }

  [[nodiscard]] bool planning() const { return planning_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Device device() const { return device_; }
  [[nodiscard]] std::int64_t peak() const { return peak_; }          // bytes, the most that was in use
  [[nodiscard]] std::int64_t capacity() const { return capacity_; }  // bytes; 0 while planning

 private:
  std::string name_;
  Device device_;
  bool planning_;
  std::byte* base_ = nullptr;
  std::int64_t capacity_ = 0;
  std::int64_t used_ = 0;
  std::int64_t peak_ = 0;
};

// Gives back to an arena, at the end of a scope, what was taken in it.
class Scratch {
 public:
  explicit Scratch(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~Scratch() { arena_.release(mark_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Tensor take(const Shape& shape, DType dtype) { return arena_.take(shape, dtype); }

 private:
  Arena& arena_;
  std::int64_t mark_;
};

}  // namespace phalanx
