// Memory between processes of one host: what one writes the other reads, and a wrong handle opens nothing.
#include "parallel/shared_memory.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace phalanx {
namespace {

constexpr std::int64_t kBytes = 100000;

TEST(SharedMemory, IsZeroedAlignedAndSeenByAnotherProcess) {
  const std::optional<SharedMemory> mine = SharedMemory::create(kBytes);
  ASSERT_TRUE(mine.has_value());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mine->data()) % 64, 0U);
  for (std::int64_t i = 0; i < kBytes; ++i) ASSERT_EQ(mine->data()[i], std::byte{0});
  const pid_t child = fork();
  if (child == 0) {
    const std::optional<SharedMemory> theirs = SharedMemory::open(mine->handle(), kBytes);
    if (theirs.has_value()) std::memset(theirs->data(), 7, kBytes);
    _exit(theirs.has_value() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  for (std::int64_t i = 0; i < kBytes; ++i) ASSERT_EQ(mine->data()[i], std::byte{7});
}

TEST(SharedMemory, AWrongHandleOpensNothing) {
  std::optional<SharedMemory> mine = SharedMemory::create(kBytes);
  ASSERT_TRUE(mine.has_value());
  const SharedMemory::Handle right = mine->handle();
  EXPECT_TRUE(SharedMemory::open(right, kBytes).has_value());
  EXPECT_FALSE(SharedMemory::open(right, kBytes + 1).has_value());
  SharedMemory::Handle wrong = right;
  wrong.token += 1;  // a process of the same number in another container
  EXPECT_FALSE(SharedMemory::open(wrong, kBytes).has_value());
  wrong = right;
  wrong.descriptor = 0;  // something else of the same process
  EXPECT_FALSE(SharedMemory::open(wrong, kBytes).has_value());
  wrong = right;
  wrong.process = 0x7FFFFFFF;
  EXPECT_FALSE(SharedMemory::open(wrong, kBytes).has_value());
  mine->seal();
  EXPECT_FALSE(SharedMemory::open(right, kBytes).has_value());
}

TEST(SharedMemory, StaysMappedWhenItsMakerIsGone) {
  std::optional<SharedMemory> mine = SharedMemory::create(kBytes);
  ASSERT_TRUE(mine.has_value());
  const std::optional<SharedMemory> theirs = SharedMemory::open(mine->handle(), kBytes);
  ASSERT_TRUE(theirs.has_value());
  std::memset(mine->data(), 3, kBytes);
  mine.reset();
  EXPECT_EQ(theirs->data()[kBytes - 1], std::byte{3});
}

}  // namespace
}  // namespace phalanx
