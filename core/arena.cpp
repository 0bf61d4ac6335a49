#include "core/arena.h"

#include <algorithm>
#include <utility>

#include "core/device.h"

namespace phalanx {
namespace {

// Addresses of a planning arena start here: never null, never valid, far from overflow.
std::byte* planning_base() {
  return reinterpret_cast<std::byte*>(std::uintptr_t{1} << 44U);  // NOLINT(performance-no-int-to-ptr)
}

std::int64_t aligned(std::int64_t bytes) {
  return (bytes + Arena::kAlignment - 1) / Arena::kAlignment * Arena::kAlignment;
}

}  // namespace

Arena::Arena(std::string name, Device device)
    : name_(std::move(name)), device_(device), planning_(true), base_(planning_base()) {}

Arena::Arena(std::string name, Device device, std::int64_t bytes)
    : name_(std::move(name)), device_(device), planning_(false), capacity_(aligned(bytes)) {
  base_ = allocate(device_, capacity_, kAlignment, name_);
}

Arena::~Arena() {
  if (!planning_ && base_ != nullptr) deallocate(device_, base_, capacity_);
}

Arena::Arena(Arena&& other) noexcept
    : name_(std::move(other.name_)),
      device_(other.device_),
      planning_(other.planning_),
      base_(std::exchange(other.base_, nullptr)),
      capacity_(other.capacity_),
      used_(other.used_),
      peak_(other.peak_) {}

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(device_, other.device_);
  std::swap(planning_, other.planning_);
  std::swap(base_, other.base_);
  std::swap(capacity_, other.capacity_);
  std::swap(used_, other.used_);
  std::swap(peak_, other.peak_);
  return *this;
}

Tensor Arena::take(const Shape& shape, DType dtype) {
  Tensor block{base_ + used_, shape, dtype, device_};
  const std::int64_t bytes = aligned(block.bytes());
  ENSURE(planning_ || used_ + bytes <= capacity_, "arena '", name_, "' is full: ", used_, " of ", capacity_,
         " bytes used, ", bytes, " more wanted for ", to_string(shape), " ", name_of(dtype));
  used_ += bytes;
  peak_ = std::max(peak_, used_);
  return block;
}

void Arena::release(std::int64_t mark) {
  ENSURE(mark >= 0 && mark <= used_, "arena '", name_, "': release to ", mark, " of ", used_);
  used_ = mark;
}

}  // namespace phalanx
