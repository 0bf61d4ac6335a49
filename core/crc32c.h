// CRC-32C (Castagnoli; RFC 3720, appendix B.4): the checksum of file contents, fast enough to check what is read
// anyway.
#pragma once

#include <cstddef>
#include <cstdint>

namespace phalanx {

// The checksum of `bytes` bytes at `data`, continuing from `crc`, that of the bytes before (0: none).
// crc32c("123456789") == 0xE3069283.
std::uint32_t crc32c(const void* data, std::size_t bytes, std::uint32_t crc = 0);

// The same by tables, for processors without the instruction; tests compare the two.
std::uint32_t crc32c_portable(const void* data, std::size_t bytes, std::uint32_t crc = 0);

}  // namespace phalanx
