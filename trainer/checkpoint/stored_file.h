// What a manifest says of one file of a checkpoint: its checksum, and which pieces of which tensors lie where in it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "trainer/checkpoint/checksum.h"

namespace phalanx::checkpoint {

// What is stored of each element, in the order of the offsets below.
inline constexpr std::array<const char*, 3> kKinds = {"master", "m", "v"};

// Elements [begin, begin + count), row-major, of one shard of one tensor. Vocabulary padding is never stored.
struct StoredPiece {
  int tensor = 0;  // index in the manifest's table
  int shard = 0;
  std::int64_t begin = 0;
  std::int64_t count = 0;
  std::array<std::int64_t, 3> offsets{};  // byte in the file where the fp32 values of each kind begin
};

struct StoredFile {
  std::string name;  // within the checkpoint: "rank_00000.h5", "tokenizer/vocab.json", "config.resolved.yaml"
  FileChecksum checksum;
  std::vector<StoredPiece> pieces;  // of rank files; master, then m, then v of all pieces lie in this order
};

}  // namespace phalanx::checkpoint
