#include "core/crc32c.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace phalanx {
namespace {

TEST(Crc32c, MatchesThePublishedVectors) {
  EXPECT_EQ(crc32c("123456789", 9), 0xE3069283U);
  EXPECT_EQ(crc32c(nullptr, 0), 0U);
  const std::string zeros(32, '\0');
  const std::string ones(32, '\xff');
  EXPECT_EQ(crc32c(zeros.data(), zeros.size()), 0x8A9136AAU);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(ones.data(), ones.size()), 0x62A8AB43U);
}

TEST(Crc32c, InstructionTablesAndPartsAgree) {
  std::vector<unsigned char> data(1031);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<unsigned char>((i * 131) ^ (i >> 3));
  for (const std::size_t bytes : {1, 7, 8, 9, 63, 1031}) {
    const std::uint32_t whole = crc32c(data.data(), bytes);
    EXPECT_EQ(crc32c_portable(data.data(), bytes), whole);
    const std::size_t cut = bytes / 3;
    EXPECT_EQ(crc32c(data.data() + cut, bytes - cut, crc32c(data.data(), cut)), whole);
  }
}

}  // namespace
}  // namespace phalanx
