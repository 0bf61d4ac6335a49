#include "data/hdf5_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/check.h"

namespace phalanx::data {
namespace {

class Hdf5FileTest : public testing::Test {
 protected:
  Hdf5FileTest() : path_(testing::TempDir() + "phalanx_hdf5_" + std::to_string(::getpid()) + ".h5") {}
  ~Hdf5FileTest() override { std::filesystem::remove(path_); }

  std::string message_of_opening() const {
    try {
      (void)Hdf5File::open(path_).dataset("x");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::string path_;
};

// Some network file systems refuse every lock.
TEST_F(Hdf5FileTest, NeedsNoLocksOfTheFileSystem) {
  const int other = ::open(path_.c_str(), O_CREAT | O_RDWR, 0600);
  ASSERT_EQ(::flock(other, LOCK_EX | LOCK_NB), 0);
  {
    Hdf5File file = Hdf5File::create(path_);
    file.create_dataset("x", Hdf5Type::u8, 3);
    file.close();
  }
  EXPECT_EQ(Hdf5File::open(path_).dataset("x").size(), 3);
  ::close(other);
}

TEST_F(Hdf5FileTest, DataSetsAndAttributesComeBack) {
  std::vector<std::uint16_t> tokens(1001);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<std::uint16_t>(i * 65);
  {
    Hdf5File file = Hdf5File::create(path_);
    file.set_attribute("name", "kjv");
    file.set_attribute("empty", "");
    file.set_attribute("format", 1);
    file.set_attribute("format", 2);
    {
      Hdf5Dataset x = file.create_dataset("x", Hdf5Type::u16, 1001);
      x.write<std::uint16_t>(0, std::span(tokens).first(500));
      x.write<std::uint16_t>(500, std::span(tokens).subspan(500));
      x.set_attribute("shape", std::array<std::int64_t, 3>{7, 11, 13});
      file.create_dataset("nothing", Hdf5Type::f32, 0);
    }
    file.close();
  }
  const Hdf5File file = Hdf5File::open(path_);
  EXPECT_EQ(file.string_attribute("name"), "kjv");
  EXPECT_EQ(file.string_attribute("empty"), "");
  EXPECT_EQ(file.integer_attribute("format"), 2);
  EXPECT_EQ(file.dataset_names(), (std::vector<std::string>{"nothing", "x"}));
  EXPECT_EQ(file.dataset("nothing").size(), 0);
  const Hdf5Dataset x = file.dataset("x");
  EXPECT_EQ(x.integers_attribute("shape"), (std::vector<std::int64_t>{7, 11, 13}));
  std::vector<std::uint16_t> back(1001);
  x.read<std::uint16_t>(0, back);
  EXPECT_EQ(back, tokens);
  std::ifstream raw(path_, std::ios::binary);
  raw.seekg(x.file_offset());
  raw.read(reinterpret_cast<char*>(back.data()), 2002);
  EXPECT_EQ(back, tokens);
}

TEST_F(Hdf5FileTest, WrongTypeOrRangeIsAnError) {
  Hdf5File file = Hdf5File::create(path_);
  Hdf5Dataset x = file.create_dataset("x", Hdf5Type::u32, 3);
  std::array<std::uint32_t, 2> two{};
  std::array<float, 2> floats{};
  EXPECT_THROW(x.write<std::uint32_t>(2, two), Error);
  EXPECT_THROW(x.read<std::uint32_t>(-1, std::span<std::uint32_t>(two)), Error);
  EXPECT_THROW(x.read<float>(0, std::span<float>(floats)), Error);
  EXPECT_THROW(file.create_dataset("x", Hdf5Type::u32, 3), Error);
  EXPECT_THROW(file.close(), Error) << "x is still open";
}

TEST_F(Hdf5FileTest, ErrorsNameTheFileAndTheReason) {
  EXPECT_NE(message_of_opening().find(path_), std::string::npos) << "missing file";
  std::ofstream(path_) << "not HDF5";
  EXPECT_NE(message_of_opening().find("cannot open as HDF5"), std::string::npos);
  Hdf5File::create(path_).close();
  EXPECT_NE(message_of_opening().find(path_ + ":/x: no such data set"), std::string::npos);
  EXPECT_THROW((void)Hdf5File::open(path_).integer_attribute("format"), Error);
  EXPECT_THROW(Hdf5File::create("/nowhere/at/all.h5"), Error);
}

}  // namespace
}  // namespace phalanx::data
