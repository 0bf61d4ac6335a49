// TensorBoard event files, read back by a decoder of our own: records, checksums, messages.
#include "trainer/metrics/tensorboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <map>

#include "core/check.h"
#include "core/crc32c.h"
#include "tests/trainer/metrics_support.h"
#include "trainer/metrics/metrics.h"

namespace phalanx {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

template <class T>
T number_at(const std::string& bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::uint32_t masked(const std::string& bytes) {
  const std::uint32_t crc = crc32c(bytes.data(), bytes.size());
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

// The contents of records whose lengths and checksums are right; others fail the test.
std::vector<std::string> records_of(const std::string& file) {
  std::vector<std::string> records;
  for (std::size_t at = 0; at < file.size();) {
    const auto length = number_at<std::uint64_t>(file, at);
    EXPECT_EQ(number_at<std::uint32_t>(file, at + 8), masked(file.substr(at, 8)));
    records.push_back(file.substr(at + 12, length));
    EXPECT_EQ(number_at<std::uint32_t>(file, at + 12 + length), masked(records.back()));
    at += 16 + length;
  }
  return records;
}

std::uint64_t varint(const std::string& bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.at(at++));
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

// Field number -> raw values, numbers in little-endian bytes.
std::multimap<int, std::string> fields_of(const std::string& message) {
  std::multimap<int, std::string> fields;
  for (std::size_t at = 0; at < message.size();) {
    const std::uint64_t key = varint(message, at);
    std::size_t size = 0;
    switch (key & 7) {
      case 0: {
        const std::uint64_t value = varint(message, at);
        fields.emplace(key >> 3, std::string(reinterpret_cast<const char*>(&value), sizeof value));
        continue;
      }
      case 1: size = 8; break;
      case 2: size = varint(message, at); break;
      case 5: size = 4; break;
      default: ADD_FAILURE() << "wire type " << (key & 7); return fields;
    }
    fields.emplace(key >> 3, message.substr(at, size));
    at += size;
  }
  return fields;
}

struct Decoded {
  double time = 0;
  std::int64_t step = 0;
  bool restart = false;
  std::map<std::string, float> scalars;
};

Decoded decode(const std::string& record) {
  const auto event = fields_of(record);
  Decoded d;
  d.time = number_at<double>(event.find(1)->second, 0);
  if (event.contains(2)) d.step = number_at<std::int64_t>(event.find(2)->second, 0);
  d.restart = event.contains(7) && number_at<std::uint64_t>(fields_of(event.find(7)->second).find(1)->second, 0) == 1;
  if (!event.contains(5)) return d;
  for (const auto& [field, value] : fields_of(event.find(5)->second)) {
    const auto scalar = fields_of(value);
    d.scalars[scalar.find(1)->second] = number_at<float>(scalar.find(2)->second, 0);
  }
  return d;
}

std::string only_file_of(const std::string& folder) {
  std::string path;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_TRUE(path.empty()) << "more than one file";
    path = entry.path();
  }
  return path;
}

TEST(TensorBoard, ARecordHasTheMaskedChecksumOfTheFormat) {
  const std::string record = tensorboard_record(std::string("123456789"));
  EXPECT_EQ(record.size(), 8 + 4 + 9 + 4U);
  EXPECT_EQ(number_at<std::uint64_t>(record, 0), 9U);
  // crc32c("123456789") is 0xE3069283, rotated right by 15 bits and shifted by the mask.
  EXPECT_EQ(number_at<std::uint32_t>(record, 21), 0x2507C60DU + 0xa282ead8U);
}

TEST(TensorBoard, FilesBeginWithTheirVersionAndReadBack) {
  const test::TemporaryFolder folder;
  {
    TensorBoardWriter writer(folder / "board", 1.7e9);
    writer.scalars(300, 1.7e9 + 1, {{"train/loss", 2.5}, {"train/gradient_norm", 0.75}});
    writer.resume(200, 1.7e9 + 2);
  }
  const std::string path = only_file_of(folder / "board");
  EXPECT_THAT(path, ::testing::HasSubstr("events.out.tfevents.1700000000."));
  const auto records = records_of(test::read_file(path));
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(fields_of(records[0]).find(3)->second, "brain.Event:2");
  const Decoded step = decode(records[1]);
  EXPECT_EQ(step.time, 1.7e9 + 1);
  EXPECT_EQ(step.step, 300);
  EXPECT_THAT(step.scalars, ElementsAre(Pair("train/gradient_norm", 0.75F), Pair("train/loss", 2.5F)));
  const Decoded restart = decode(records[2]);
  EXPECT_TRUE(restart.restart);
  EXPECT_EQ(restart.step, 201) << "the first step that comes again";
}

TEST(TensorBoard, AFolderThatCannotBeMadeIsNamed) {
  const test::TemporaryFolder folder;
  test::append(folder / "board", "a file");
  EXPECT_THROW(TensorBoardWriter(folder / "board", 1), Error);
}

TEST(TensorBoard, ARunWritesStepsAndEvaluationsWhereAsked) {
  const test::TemporaryFolder folder;
  config::Config config;
  config.run.output = folder / "run";
  config.metrics.prometheus = "";
  config.metrics.console_every = 0;
  config.metrics.tensorboard = true;
  const RunFolder run(config);
  {
    Metrics metrics(config, {}, run);
    metrics.set_layer_gradient_norms({0.5, 0.25});
    StepStats stats;
    stats.step = 7;
    stats.loss = 1.5;
    metrics.on_step(stats);
    ValidationStats validation;
    validation.step = 7;
    validation.loss = 3.5;
    metrics.on_validation(validation);
  }
  const auto records = records_of(test::read_file(only_file_of(folder / "run/tensorboard")));
  ASSERT_EQ(records.size(), 3U);
  const Decoded step = decode(records[1]);
  EXPECT_EQ(step.step, 7);
  EXPECT_EQ(step.scalars.at("train/loss"), 1.5F);
  EXPECT_TRUE(step.scalars.contains("speed/tokens_per_second"));
  EXPECT_TRUE(step.scalars.contains("phase_seconds/backward"));
  EXPECT_EQ(step.scalars.at("layer_gradient_norm/0"), 0.25F);
  EXPECT_EQ(decode(records[2]).scalars.at("validation/loss"), 3.5F);
}

TEST(TensorBoard, NoFolderAppearsWhereNobodyAsked) {
  const test::TemporaryFolder folder;
  config::Config config;
  config.run.output = folder / "run";
  config.metrics.prometheus = "";
  const RunFolder run(config);
  const Metrics metrics(config, {}, run);
  EXPECT_FALSE(std::filesystem::exists(folder / "run/tensorboard"));
}

}  // namespace
}  // namespace phalanx
