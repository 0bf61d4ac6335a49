// HostState: a rank's masters and moments in host memory, where files are read and written.
#pragma once

#include <vector>

#include "trainer/checkpoint/checkpoint.h"
#include "trainer/replica.h"

namespace phalanx {

class HostState {
 public:
  // On the CPU the state itself; otherwise memory beside it. The replica must outlive this.
  explicit HostState(const Replica& replica);

  [[nodiscard]] const checkpoint::OwnedState& state() const { return state_; }
  // From and to the device; nothing on the CPU.
  void download() const;
  void upload() const;

 private:
  struct Copy {
    Tensor device, host;
  };
  checkpoint::OwnedState state_;
  std::vector<std::vector<float>> memory_;
  std::vector<Copy> copies_;
};

}  // namespace phalanx
