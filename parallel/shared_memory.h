// SharedMemory: a block of memory that other processes of the same user on this host can map. It has no name in any
// file system, so nothing is left behind when a process dies, and no size limit but that of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace phalanx {

class SharedMemory {
 public:
  // What another process needs to map a block. Plain bytes, to be sent.
  struct Handle {
    std::int64_t process = 0;
    std::int64_t descriptor = -1;
    std::uint64_t token = 0;  // first 8 bytes of the block: tells it from that of a process with the same number
  };

  // `bytes` of zeroed memory, there for certain; nullopt when that would take more than half of what is free.
  static std::optional<SharedMemory> create(std::int64_t bytes);
  // The block of another process, while that process has not sealed it; nullopt when it cannot be reached.
  static std::optional<SharedMemory> open(const Handle& handle, std::int64_t bytes);
  ~SharedMemory();
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  [[nodiscard]] std::byte* data() const { return mapping_ + kHeader; }  // 64-byte aligned
  [[nodiscard]] Handle handle() const;
  // From here on nobody else can open it.
  void seal();

 private:
  static constexpr std::int64_t kHeader = 64;
  SharedMemory(int descriptor, std::byte* mapping, std::int64_t bytes);
  static std::optional<SharedMemory> map(int descriptor, std::int64_t bytes);

  int descriptor_;
  std::byte* mapping_;
  std::int64_t bytes_;  // of the mapping
};

}  // namespace phalanx
