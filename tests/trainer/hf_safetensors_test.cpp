// safetensors files: what is written comes back, and what lies is refused before anything is allocated for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/file.h"
#include "tests/support/temporary_folder.h"
#include "trainer/hf/safetensors.h"

namespace phalanx::hf {
namespace {

using ::testing::HasSubstr;

std::string with_length(const std::string& text, std::uint64_t length) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(length >> 8 * i);
  return file + text;
}

// A whole file: the text with its length, and `data` bytes.
std::string file_of(const std::string& text, std::size_t data) {
  return with_length(text, text.size()) + std::string(data, 'x');
}

std::string refusal(const std::string& text, std::int64_t data_bytes) {
  try {
    static_cast<void>(parse_header(text, data_bytes));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

const char* const kGood =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
    R"("mask":{"dtype":"BOOL","shape":[1,1,3],"data_offsets":[24,27]},"none":{"dtype":"I64","shape":[0],"data_offsets":[27,27]}}   )";

TEST(Safetensors, AFileThatIsWrittenReadsBackAligned) {
  const test::TemporaryFolder folder;
  const std::vector<float> a = {1, 2, 3, 4, 5, 6};
  const std::vector<float> b = {7};
  SafetensorsWriter writer(folder / "t.safetensors", {{.name = "a", .dtype = "F32", .shape = {2, 3}},
                                                      {.name = "\"b\"\n", .dtype = "F32", .shape = {}}});
  writer.append(a.data(), 16);
  writer.append(a.data() + 4, 8);
  EXPECT_THROW(writer.finish(), Error);  // one tensor is missing
  writer.append(b.data(), 4);
  EXPECT_THROW(writer.append(b.data(), 1), Error);
  writer.finish();

  const SafetensorsFile file(folder / "t.safetensors");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  ASSERT_EQ(file.tensors().size(), 2U);
  EXPECT_EQ(file.tensors()[0].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(file.tensors()[1].name, "\"b\"\n");
  std::vector<float> back(3);
  file.read(back.data(), file.tensors()[0], 8, 12);
  EXPECT_EQ(back, (std::vector<float>{3, 4, 5}));
  EXPECT_THROW(file.read(back.data(), file.tensors()[0], 16, 12), Error);
  const std::string bytes = read_text(folder / "t.safetensors", 1 << 20);
  EXPECT_EQ((bytes.size() - 28) % 64, 0U);
}

TEST(Safetensors, AWellFormedHeaderOfAnotherWriterIsRead) {
  const SafetensorsHeader header = parse_header(kGood, 27);
  ASSERT_EQ(header.tensors.size(), 3U);
  EXPECT_EQ(header.tensors[1].name, "mask");
  EXPECT_EQ(header.tensors[1].begin, 24);
  EXPECT_EQ(parse_header("{}", 0).tensors.size(), 0U);
}

TEST(Safetensors, LyingHeadersAreRefusedByTensorAndReason) {
  const auto tensor = [](const std::string& inside) { return "{\"w\":{" + inside + "}}"; };
  EXPECT_THAT(refusal(kGood, 28), HasSubstr("the last 1 bytes belong to no tensor"));
  EXPECT_THAT(refusal(kGood, 26), HasSubstr("'mask': bytes 24 to 27 are not in a file with 26 bytes"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), 8), HasSubstr("needs more than"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,8])"), 8), HasSubstr("needs 4 bytes"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])"), 8),
              HasSubstr("needs more than the 8 bytes"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), 8), HasSubstr("bytes 8 to 0"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[4,12])"), 12), HasSubstr("behind a gap"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F4","shape":[2],"data_offsets":[0,8])"), 8), HasSubstr("unknown dtype 'F4'"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), 8), HasSubstr("negative"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), 8), HasSubstr("fraction"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])"), 8),
              HasSubstr("larger than any file"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0])"), 8), HasSubstr("one is missing"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])"), 8), HasSubstr("there are more"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","shape":[2])"), 8), HasSubstr("'w': has no data_offsets"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","dtype":"F32")"), 8), HasSubstr("dtype appears twice"));
  EXPECT_THAT(refusal(tensor(R"("dtype":"F32","order":"C")"), 8), HasSubstr("unknown key 'order'"));
  EXPECT_THAT(refusal(R"({"w":[1]})", 8), HasSubstr("a list stands where none belongs"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"a":1}})", 0), HasSubstr("a number stands where none belongs"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"a":"b","a":"c"}})", 0), HasSubstr("twice"));
  EXPECT_THAT(refusal("[]", 0), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(refusal("{\"w\":", 0), HasSubstr("no valid JSON"));
  EXPECT_THAT(refusal("{} {}", 0), HasSubstr("no valid JSON"));
}

TEST(Safetensors, OverlapsAndNamesThatAppearTwiceAreRefused) {
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                      6),
              HasSubstr("'b': begins at byte 2, inside the tensor before it, which ends at 4"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                      8),
              HasSubstr("'a': appears twice"));
}

TEST(Safetensors, DeepNestingEndsAtOnce) {
  EXPECT_THAT(refusal("{\"w\":" + std::string(1'000'000, '['), 8), HasSubstr("a list stands where none belongs"));
  EXPECT_THAT(refusal("{" + std::string(1'000'000, '{'), 8), HasSubstr("no valid JSON"));
}

TEST(Safetensors, TheLengthOfTheHeaderIsCheckedAgainstTheFile) {
  const test::TemporaryFolder folder;
  const auto refused = [&](const std::string& bytes) {
    try {
      const SafetensorsFile file(folder.write("x.safetensors", bytes));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refused(file_of(kGood, 27)), "accepted");
  EXPECT_THAT(refused(""), HasSubstr("x.safetensors: is no safetensors file: it has 0 bytes"));
  EXPECT_THAT(refused(with_length("{}", 3)), HasSubstr("claims 3 bytes, of a file of 10"));
  EXPECT_THAT(refused(with_length("{}", ~std::uint64_t{0})), HasSubstr("claims 18446744073709551615 bytes"));
  EXPECT_THAT(refused(with_length("{}", 0)), HasSubstr("does not begin"));
  EXPECT_THAT(refused(file_of(kGood, 26)), HasSubstr("x.safetensors: 'mask'"));
}

// Small changes of a whole file: bytes set, flipped, removed, inserted, copied from elsewhere in it.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}
  std::string mutate(std::string file) {
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(file);
    return file;
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  void change(std::string& file) {
    static const std::string alphabet = "0123456789{}[]\",:-.eE \\untrFf\x01\xff";
    if (file.empty()) return;
    const std::size_t at = below(file.size());
    switch (below(5)) {
      case 0: file[at] = alphabet[below(alphabet.size())]; break;
      case 1: file[at] = static_cast<char>(file[at] ^ (1 << below(8))); break;
      case 2: file.erase(at, 1 + below(8)); break;
      case 3: file.insert(at, 1 + below(4), alphabet[below(alphabet.size())]); break;
      default: file.insert(at, file.substr(below(file.size()), 1 + below(40))); break;
    }
  }
  std::mt19937_64 random_;
};

// What a reader does with the bytes of a file, without a disk: 0 refused, 1 accepted.
int read_bytes(const std::string& file) {
  try {
    const auto size = static_cast<std::int64_t>(file.size());
    if (size < kLengthBytes) return 0;
    const std::int64_t length = header_length(reinterpret_cast<const unsigned char*>(file.data()), size);
    const std::int64_t data = size - kLengthBytes - length;
    const SafetensorsHeader header = parse_header(std::string_view(file).substr(kLengthBytes, length), data);
    std::int64_t done = 0;
    for (const TensorInfo& tensor : header.tensors) {  // whatever is accepted can be read
      EXPECT_EQ(tensor.begin, done);
      done = tensor.end;
    }
    EXPECT_EQ(done, data);
    return 1;
  } catch (const Error&) {
    return 0;
  }
}

TEST(Safetensors, MutatedFilesAreRefusedOrWhole) {
  const std::string good = file_of(kGood, 27);
  Mutator mutator(20240607);
  int accepted = 0;
  for (int i = 0; i < 100'000; ++i) accepted += read_bytes(mutator.mutate(good));
  EXPECT_GT(accepted, 1000);  // changes of data and names
  EXPECT_LT(accepted, 50'000);
}

TEST(Safetensors, MutatedFilesOnDiskAreRefusedOrReadable) {
  const test::TemporaryFolder folder;
  Mutator mutator(7);
  for (int i = 0; i < 1000; ++i) {
    const std::string path = folder.write("m.safetensors", mutator.mutate(file_of(kGood, 27)));
    try {
      const SafetensorsFile file(path);
      for (const TensorInfo& tensor : file.tensors()) {
        std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.end - tensor.begin));
        file.read(bytes.data(), tensor, 0, tensor.end - tensor.begin);
      }
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("m.safetensors"));
    }
  }
}

}  // namespace
}  // namespace phalanx::hf
