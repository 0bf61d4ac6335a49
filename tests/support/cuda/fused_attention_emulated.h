// Fused attention without cuDNN: whether the emulated GPU has it is up to the test.
#pragma once

namespace phalanx::emulator {

// Calls of the fused kernels so far, of all tests of this process.
int fused_attention_runs();

// While one exists, the emulated GPU has cuDNN and this compute capability (90 for 9.0).
class FusedAttention {
 public:
  explicit FusedAttention(int capability);
  ~FusedAttention();
  FusedAttention(const FusedAttention&) = delete;
  FusedAttention& operator=(const FusedAttention&) = delete;
};

}  // namespace phalanx::emulator
