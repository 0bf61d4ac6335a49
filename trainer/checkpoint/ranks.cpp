#include "trainer/checkpoint/ranks.h"

#include <exception>

#include "core/check.h"
#include "core/tensor.h"
#include "trainer/agree.h"

namespace phalanx::checkpoint {

void together(const std::string& what, Communicator& world, const std::function<void()>& work) {
  on_every_rank(world, [&] {
    try {
      work();
    } catch (const std::exception& e) {
      throw Error(str(what, ": ", e.what()));
    }
  });
}

std::vector<std::int32_t> gather(std::int32_t value, Communicator& world) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(world.size()));
  world.all_gather(host_tensor(values.data(), {world.size()}), host_tensor(&value, {1}), {});
  return values;
}

}  // namespace phalanx::checkpoint
