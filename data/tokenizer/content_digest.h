// ContentDigest: SHA-256 over what a tokenizer consists of. Numbers and lengths go in as eight bytes, lowest first, so
// the digest is the same on every machine and no two contents run together.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/sha256.h"

namespace phalanx::data {

class ContentDigest {
 public:
  void add(std::int64_t number) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(number) >> 8 * i);
    sha_.update(bytes, sizeof bytes);
  }
  void add(std::string_view text) {
    add(static_cast<std::int64_t>(text.size()));
    sha_.update(text);
  }
  std::string hex() { return sha_.hex_digest(); }

 private:
  Sha256 sha_;
};

}  // namespace phalanx::data
