// SHA-256 (FIPS 180-4): identity of tokenizers and data (crc32c.h checks files). Incremental and in one call; uses the
// processor's SHA instructions where it has them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace phalanx {

class Sha256 {
 public:
  Sha256();
  void update(const void* data, std::size_t size);
  void update(std::string_view bytes) { update(bytes.data(), bytes.size()); }
  // Digest of everything so far, 64 lower-case hexadecimal digits. More may be added afterwards.
  [[nodiscard]] std::string hex_digest() const;

  // Whether this processor's SHA instructions are used; the other way exists everywhere and gives the same digests.
  static bool accelerated();
  // For tests: an object that never uses the instructions.
  static Sha256 portable();

 private:
  using Compress = void (*)(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count);
  explicit Sha256(Compress compress);

  static constexpr std::size_t kBlock = 64;  // bytes
  Compress compress_;
  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, kBlock> pending_{};  // the last bytes, less than a block
  std::uint64_t bytes_ = 0;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace phalanx
