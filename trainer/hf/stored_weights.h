// The weights of a checkpoint of any layout, one whole tensor at a time.
#pragma once

#include <memory>
#include <vector>

#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/checksum.h"

namespace phalanx::hf {

class StoredWeights {
 public:
  // `manifest` comes from read_manifest, which has checked that its pieces make up every tensor; it must outlive this.
  explicit StoredWeights(const checkpoint::Manifest& manifest) : manifest_(manifest) {}

  // The fp32 masters of manifest.table[tensor], whole, row-major. Every byte is checked before it is used. Memory
  // beyond the result: 1 MiB and the runs of a piece.
  std::vector<float> read(int tensor);

 private:
  checkpoint::VerifiedFile& open(const checkpoint::StoredFile& file);

  const checkpoint::Manifest& manifest_;
  const checkpoint::StoredFile* open_ = nullptr;  // the file that was read last stays open
  std::unique_ptr<checkpoint::VerifiedFile> file_;
};

}  // namespace phalanx::hf
