// Arenas: blocks, stack discipline, and that planning measures what running takes.
#include "core/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace phalanx {
namespace {

TEST(Arena, BlocksAreAlignedZeroAndDoNotOverlap) {
  for (const std::int64_t bytes : {std::int64_t{4096}, std::int64_t{5} << 20}) {  // heap, and mapped in huge pages
    Arena arena("a", Device{}, bytes);
    const Tensor first = arena.take({3}, DType::f32);
    const Tensor second = arena.take({1, 31}, DType::bf16);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.data) % Arena::kAlignment, 0U);
    EXPECT_EQ(second.data - first.data, Arena::kAlignment);
    EXPECT_TRUE(std::all_of(first.data, first.data + bytes, [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST(Arena, FullArenaNamesItselfAndTheWantedBlock) {
  Arena arena("activations", Device{}, 1024);
  arena.take({200}, DType::f32);
  try {
    arena.take({7, 9}, DType::f32);
    FAIL() << "more was given than there is";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'activations'"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("(7, 9) fp32"), std::string::npos) << error.what();
  }
}

TEST(Arena, ScratchGivesBackAndPeakRemembers) {
  Arena arena("a", Device{}, 4096);
  const Tensor kept = arena.take({8}, DType::f32);
  {
    Scratch scratch(arena);
    scratch.take({128}, DType::f32);
  }
  EXPECT_EQ(arena.take({8}, DType::f32).data, kept.data + Arena::kAlignment);
  EXPECT_EQ(arena.peak(), Arena::kAlignment + 512);
}

TEST(Arena, PlanningMeasuresExactlyWhatARunTakes) {
  const auto run = [](Arena& arena) {
    arena.take({33}, DType::f32);
    const Scratch scratch(arena);
    arena.take({1000}, DType::i64);
  };
  Arena plan("plan", Device{});
  run(plan);
  Arena real("real", Device{}, plan.peak());
  EXPECT_NO_THROW(run(real));
  EXPECT_EQ(real.peak(), real.capacity());
  EXPECT_EQ(plan.capacity(), 0);
}

TEST(Arena, MovedArenaKeepsItsMemory) {
  Arena first("a", Device{}, 1024);
  const Tensor block = first.take({4}, DType::f32);
  Arena second(std::move(first));
  *block.as<float>() = 3.0F;
  EXPECT_EQ(second.take({4}, DType::f32).data, block.data + Arena::kAlignment);
}

TEST(Arena, ReleaseBeyondWhatIsUsedIsRefused) {
  Arena arena("a", Device{}, 1024);
  EXPECT_THROW(arena.release(256), Error);
}

}  // namespace
}  // namespace phalanx
