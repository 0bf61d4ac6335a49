// SHA-256 against the example vectors of FIPS 180-4, in both implementations and however the input is cut.
#include "core/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace phalanx {
namespace {

struct Vector {
  std::string message;
  std::string digest;
};

std::vector<Vector> vectors() {
  return {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrst"
       "u",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {std::string(1000000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
}

TEST(Sha256, GivesTheVectorsOfTheStandard) {
  for (const auto& [message, digest] : vectors()) EXPECT_EQ(sha256_hex(message), digest) << message.size() << " bytes";
}

TEST(Sha256, PortableImplementationGivesTheSame) {
  for (const auto& [message, digest] : vectors()) {
    Sha256 sha = Sha256::portable();
    sha.update(message);
    EXPECT_EQ(sha.hex_digest(), digest) << message.size() << " bytes";
  }
}

std::string bytes_of_length(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 131 + (i >> 8));
  return bytes;
}

TEST(Sha256, BothImplementationsAgreeOnEveryLengthAroundTheBlock) {
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string message = bytes_of_length(size);
    Sha256 portable = Sha256::portable();
    portable.update(message);
    EXPECT_EQ(sha256_hex(message), portable.hex_digest()) << size << " bytes";
  }
}

TEST(Sha256, TheCutOfTheInputDoesNotMatter) {
  const std::string message = bytes_of_length(1001);
  const std::string expected = sha256_hex(message);
  for (const std::size_t piece : {1, 3, 63, 64, 65, 127, 500}) {
    Sha256 sha;
    for (std::size_t at = 0; at < message.size(); at += piece) sha.update(std::string_view(message).substr(at, piece));
    EXPECT_EQ(sha.hex_digest(), expected) << "pieces of " << piece;
  }
}

TEST(Sha256, ReadingTheDigestDoesNotEndTheMessage) {
  Sha256 sha;
  sha.update("ab");
  EXPECT_EQ(sha.hex_digest(), sha256_hex("ab"));
  sha.update("c");
  EXPECT_EQ(sha.hex_digest(), sha256_hex("abc"));
}

}  // namespace
}  // namespace phalanx
