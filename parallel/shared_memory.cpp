#include "parallel/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

#include "core/nonce.h"

namespace phalanx {
namespace {

// Asking the kernel for more than it has does not fail: it ends processes, not only ours, to make room.
bool is_free(std::int64_t bytes) {
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  const std::int64_t pages = sysconf(_SC_AVPHYS_PAGES);
  return bytes >= 0 && bytes / page < pages / 2;
}

}  // namespace

SharedMemory::SharedMemory(int descriptor, std::byte* mapping, std::int64_t bytes)
    : descriptor_(descriptor), mapping_(mapping), bytes_(bytes) {}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      mapping_(std::exchange(other.mapping_, nullptr)),
      bytes_(other.bytes_) {}

SharedMemory::~SharedMemory() {
  seal();
  if (mapping_ != nullptr) munmap(mapping_, static_cast<std::size_t>(bytes_));
}

void SharedMemory::seal() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

// Takes over the descriptor.
std::optional<SharedMemory> SharedMemory::map(int descriptor, std::int64_t bytes) {
  void* memory =
      mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0);
  if (memory == MAP_FAILED) {
    close(descriptor);
    return std::nullopt;
  }
  return SharedMemory(descriptor, static_cast<std::byte*>(memory), bytes);
}

std::optional<SharedMemory> SharedMemory::create(std::int64_t bytes) {
  if (!is_free(bytes)) return std::nullopt;
  bytes += kHeader;
  const int descriptor = memfd_create("phalanx", MFD_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  // Without the pages, a later write would end the process instead of failing here.
  if (posix_fallocate(descriptor, 0, bytes) != 0) {
    close(descriptor);
    return std::nullopt;
  }
  std::optional<SharedMemory> memory = map(descriptor, bytes);
  const std::uint64_t token = random_nonce();
  if (memory) std::memcpy(memory->mapping_, &token, sizeof token);
  return memory;
}

std::optional<SharedMemory> SharedMemory::open(const Handle& handle, std::int64_t bytes) {
  bytes += kHeader;
  const std::string path = "/proc/" + std::to_string(handle.process) + "/fd/" + std::to_string(handle.descriptor);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);  // it may be somebody else's pipe
  if (descriptor < 0) return std::nullopt;
  if (lseek(descriptor, 0, SEEK_END) != bytes) {
    close(descriptor);
    return std::nullopt;
  }
  std::optional<SharedMemory> memory = map(descriptor, bytes);
  if (memory && std::memcmp(memory->mapping_, &handle.token, sizeof handle.token) != 0) return std::nullopt;
  return memory;
}

SharedMemory::Handle SharedMemory::handle() const {
  Handle handle{getpid(), descriptor_, 0};
  std::memcpy(&handle.token, mapping_, sizeof handle.token);
  return handle;
}

}  // namespace phalanx
