// `phalanx data import` as a user meets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "core/check.h"
#include "data/manifest.h"
#include "tests/support/program.h"

namespace phalanx {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kProgram = PHALANX_BINARY " ";

class DataImport : public testing::Test {
 protected:
  DataImport() {
    test::append(folder_ / "text.txt", "the cat sat on a mat\n\nand a dog ran by\n\nthen there were three\n");
    must("tokenizer train --vocabulary 270 --input text.txt --output tokenizer");
  }
  [[nodiscard]] Outcome run(const std::string& arguments) const {
    return test::run_in(folder_.path(), kProgram + arguments);
  }
  std::string must(const std::string& arguments) const {
    const Outcome o = run(arguments);
    EXPECT_EQ(o.status, 0) << arguments << "\n" << o.err;
    return o.out;
  }
  // llm.c's file of the text: the end of text stands before each document.
  void write_llmc(std::uint16_t end_of_text) const {
    std::vector<std::uint16_t> ids;
    std::ifstream text(folder_ / "text.txt");
    for (std::string line; std::getline(text, line);) {
      if (line.empty()) continue;
      std::ofstream(folder_ / "line.jsonl") << "{\"text\":\"" << line << "\"}\n";
      std::istringstream encoded(must("tokenizer encode --tokenizer tokenizer --input line.jsonl"));
      ids.push_back(end_of_text);
      for (std::uint16_t id = 0; encoded >> id;) ids.push_back(id);
    }
    std::vector<std::int32_t> header(256);
    header[0] = 20240520, header[1] = 1, header[2] = static_cast<std::int32_t>(ids.size());
    std::ofstream file(folder_ / "a.bin", std::ios::binary);
    file.write(reinterpret_cast<const char*>(header.data()), 1024);
    file.write(reinterpret_cast<const char*>(ids.data()), static_cast<std::streamsize>(2 * ids.size()));
  }

  test::TemporaryFolder folder_;
};

TEST_F(DataImport, ImportedIdsAreTheShardsThatPrepareWrites) {
  must("data prepare --tokenizer tokenizer --input text.txt --split blank_line --name n --output prepared");
  const data::Manifest prepared = data::read_manifest(folder_ / "prepared/train");
  write_llmc(static_cast<std::uint16_t>(prepared.end_of_text));
  const std::string said =
      must("data import --from llmc --tokenizer tokenizer --input a.bin --name n --output imported");
  EXPECT_THAT(said, AllOf(HasSubstr("imported/train: 3 documents"), HasSubstr("tokens read")));
  EXPECT_EQ(data::data_digest(data::read_manifest(folder_ / "imported/train")), data::data_digest(prepared));
  EXPECT_THAT(must("data inspect imported/train --show 3"),
              AllOf(HasSubstr("imported as tokens"), HasSubstr("and a dog ran by")));
}

TEST_F(DataImport, BadInputEndsWithOneLineAndNoOutput) {
  const auto refused = [&](const std::string& arguments, int status) {
    const Outcome o = run("data import --tokenizer tokenizer --output out " + arguments);
    EXPECT_EQ(o.status, status) << o.err;
    EXPECT_FALSE(fs::exists(folder_ / "out"));
    return o.err;
  };
  test::append(folder_ / "b.bin", std::string(2000, 'x'));
  EXPECT_THAT(refused("--from llmc --input b.bin", 1), HasSubstr("b.bin, byte 0: magic"));
  EXPECT_THAT(refused("--from llmc --input c.bin", 2), HasSubstr("c.bin: no such file"));
  EXPECT_THAT(refused("--from fairseq --input b.bin", 2), HasSubstr("--from must be megatron, llmc or nvidia_bert"));
  EXPECT_THAT(refused("--from nvidia_bert --input b.bin", 2), HasSubstr("[MASK]"));
}

}  // namespace
}  // namespace phalanx
