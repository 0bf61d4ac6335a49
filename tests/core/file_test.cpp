// Files: whole or named in an error; replaced at once; never read where they are no files.
#include "core/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <vector>

#include "core/check.h"
#include "tests/support/temporary_folder.h"

namespace phalanx {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class FileTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string at(const char* name) const { return folder_ / name; }
  [[nodiscard]] std::ptrdiff_t entries() const {
    return std::distance(std::filesystem::directory_iterator(folder_.path()), {});
  }
  test::TemporaryFolder folder_;
};

TEST_F(FileTest, AReplacedTextIsOldOrNewNeverBoth) {
  replace_text(at("f"), "old and longer");
  replace_text(at("f"), "new");
  EXPECT_EQ(read_text(at("f"), 100), "new");
  EXPECT_EQ(entries(), 1);
}

TEST_F(FileTest, AFailedReplacementLeavesNothingBehind) {
  std::filesystem::create_directory(at("f"));  // no file can take its name
  EXPECT_THAT([&] { replace_text(at("f"), "x"); }, ThrowsMessage<Error>(HasSubstr(at("f") + ": cannot replace: ")));
  EXPECT_EQ(entries(), 1);
  EXPECT_THAT([&] { replace_text(at("none/f"), "x"); }, ThrowsMessage<Error>(HasSubstr("cannot open: No such file")));
}

TEST_F(FileTest, AShortFileIsAnErrorNamingThePlace) {
  write_text(at("f"), "1234567");
  std::vector<char> bytes(8);
  const File file = File::open_for_reading(at("f"));
  file.read(bytes.data(), 7, 0);
  EXPECT_THAT([&] { file.read(bytes.data(), 5, 3); }, ThrowsMessage<Error>(HasSubstr(at("f") + " ends at byte 7, 1")));
}

TEST_F(FileTest, ATextBeyondItsLimitIsRefused) {
  write_text(at("f"), "1234567");
  EXPECT_EQ(read_text(at("f"), 7), "1234567");
  EXPECT_THAT([&] { read_text(at("f"), 6); }, ThrowsMessage<Error>(HasSubstr("has 7 bytes, more than the 6")));
}

TEST_F(FileTest, APipeIsRefusedAndDoesNotHang) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_THAT([&] { read_text(at("pipe"), 10); }, ThrowsMessage<Error>(HasSubstr("is not a regular file")));
}

TEST_F(FileTest, ATruncatedFileEndsThere) {
  const File file = File::create(at("f"));
  file.write("1234567", 7, 0);
  file.truncate(3);
  EXPECT_EQ(read_text(at("f"), 100), "123");
}

TEST_F(FileTest, TheSoftLimitOfOpenFilesIsRaisedWhenItIsMet) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = 32;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  std::vector<File> files;
  files.reserve(40);
  for (int i = 0; i < 40; ++i) files.push_back(File::create(at("f")));
  EXPECT_EQ(files.size(), 40U);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace phalanx
