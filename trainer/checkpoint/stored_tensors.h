// The tensors of a checkpoint of any layout, one whole tensor at a time.
#pragma once

#include <memory>
#include <vector>

#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/checksum.h"

namespace phalanx::checkpoint {

class StoredTensors {
 public:
  // `manifest` comes from read_manifest, which has checked that its pieces make up every tensor; it must outlive this.
  explicit StoredTensors(const Manifest& manifest) : manifest_(manifest) {}

  // The fp32 values of manifest.table[tensor], whole, row-major; `kind` is an index of kKinds that the checkpoint
  // holds, by default the masters. Every byte is checked before it is used. Memory beyond the result: 1 MiB and the
  // runs of a piece.
  std::vector<float> read(int tensor, std::size_t kind = 0);

 private:
  VerifiedFile& open(const StoredFile& file);

  const Manifest& manifest_;
  const StoredFile* open_ = nullptr;  // the file that was read last stays open
  std::unique_ptr<VerifiedFile> file_;
};

}  // namespace phalanx::checkpoint
