#include "trainer/host_state.h"

#include "core/device.h"
#include "trainer/build.h"

namespace phalanx {

HostState::HostState(const Replica& replica) : state_(owned_state(replica)) {
  if (replica.options().device.type == DeviceType::cpu) return;
  for (Tensor* tensor : {&state_.master, &state_.m, &state_.v}) {
    if (!tensor->defined()) continue;
    std::vector<float>& memory = memory_.emplace_back(static_cast<std::size_t>(tensor->count()));
    const Tensor host = host_tensor(memory.data(), tensor->shape);
    copies_.push_back({*tensor, host});
    *tensor = host;
  }
}

void HostState::download() const {
  for (const Copy& c : copies_) copy(c.host, c.device, {});
}

void HostState::upload() const {
  for (const Copy& c : copies_) copy(c.device, c.host, {});
}

}  // namespace phalanx
