// Damaged, foreign and hostile checkpoint files: an Error that names the file, or the same values as before.
#include <gmock/gmock.h>

#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "core/check.h"
#include "core/file.h"
#include "core/random.h"
#include "data/hdf5_file.h"
#include "parallel/shard_index.h"
#include "tests/trainer/checkpoint_fixture.h"
#include "trainer/checkpoint/manifest.h"

namespace phalanx::checkpoint::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

class CheckpointDamage : public testing::Test {
 protected:
  CheckpointDamage() {
    fs::create_directories(root_.path() + "/words");
    write_text(root_.path() + "/words/vocab.json", "{\"a\": 0, \"b\": 1}");
    Provenance made = provenance();
    made.tokenizer_folder = root_.path() + "/words";
    folder_ = save_all(root_.path(), 7, odd_table(), 2, 2, 400, 1, made);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  // Loads all there is on one rank; returns the number of elements that differ.
  [[nodiscard]] int load_everything() const {
    const Manifest manifest = read_manifest(folder_);
    RankState rank(odd_table(), 1, 1, 0, 0, 400);
    load(manifest, Parts::weights_and_moments, rank.state());
    const bool same = manifest.progress.step == 7 && manifest.progress.loss == 0.1 + 0.2 &&
                      manifest.provenance.config_yaml == provenance().config_yaml &&
                      read_text(manifest.provenance.tokenizer_folder + "/vocab.json", 100) == "{\"a\": 0, \"b\": 1}";
    return rank.differences(0) + rank.differences(1) + rank.differences(2) + (same ? 0 : 1);
  }
  void change(const std::string& name, std::int64_t at, unsigned char flip) const {
    const File file = File::open_for_update(path(name));
    unsigned char byte = 0;
    file.read(&byte, 1, at);
    byte ^= flip;
    file.write(&byte, 1, at);
  }
  // Rewrites the manifest with a checksum that is right.
  template <class Edit>
  void forge(Edit&& edit) const {
    Manifest manifest = read_manifest(folder_);
    edit(manifest);
    write_text(path("manifest.json"), manifest_text(manifest));
  }

  TemporaryFolder root_;
  std::string folder_;
};

TEST_F(CheckpointDamage, AFlippedByteAnywhereLoadsEqualOrThrows) {
  ASSERT_EQ(load_everything(), 0);
  const Manifest manifest = read_manifest(folder_);
  std::vector<std::string> names = {"manifest.json"};
  for (const StoredFile& file : manifest.files) names.push_back(file.name);
  ASSERT_EQ(names.size(), 7U);  // four ranks, configuration, vocabulary
  int refused = 0;
  constexpr int kTrials = 3000;
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto random = random_block({.seed = 99, .purpose = Purpose::benchmark_tokens}, trial);
    const std::string& name = names[random[0] % names.size()];
    const auto at = static_cast<std::int64_t>(random[1] % fs::file_size(path(name)));
    const auto flip = static_cast<unsigned char>(1 + random[2] % 255);
    change(name, at, flip);
    try {
      EXPECT_EQ(load_everything(), 0) << name << " byte " << at << " ^ " << int{flip};
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr(name));
      ++refused;
    }
    change(name, at, flip);
  }
  EXPECT_EQ(refused, kTrials);  // every byte of every file is under a checksum that load looks at
  EXPECT_EQ(load_everything(), 0);
}

TEST_F(CheckpointDamage, ATruncatedFileIsNamedWithBothSizes) {
  const auto bytes = fs::file_size(path("rank_00002.h5"));
  fs::resize_file(path("rank_00002.h5"), bytes - 1);
  EXPECT_THAT([&] { read_manifest(folder_); },
              ThrowsMessage<Error>(
                  AllOf(HasSubstr("rank_00002.h5 is damaged"), HasSubstr(str(bytes)), HasSubstr(str(bytes - 1)))));
}

TEST_F(CheckpointDamage, AMissingFileIsNamed) {
  fs::remove(path("rank_00003.h5"));
  EXPECT_THAT([&] { read_manifest(folder_); },
              ThrowsMessage<Error>(HasSubstr("rank_00003.h5: cannot open: No such file")));
  fs::remove(path("manifest.json"));
  EXPECT_THAT([&] { read_manifest(folder_); },
              ThrowsMessage<Error>(HasSubstr("manifest.json: cannot open: No such file")));
}

TEST_F(CheckpointDamage, AForeignFileOfTheSameSizeIsRefusedBeforeLibhdf5OpensIt) {
  const auto bytes = fs::file_size(path("rank_00001.h5"));
  write_text(path("rank_00001.h5"), std::string(bytes, 'x'));
  EXPECT_THAT([&] { static_cast<void>(load_everything()); },
              ThrowsMessage<Error>(AllOf(HasSubstr("rank_00001.h5 is damaged"), HasSubstr("checksum"))));
  EXPECT_THAT([&] { verify(read_manifest(folder_)); }, ThrowsMessage<Error>(HasSubstr("rank_00001.h5 is damaged")));
}

TEST_F(CheckpointDamage, APipeInPlaceOfAFileDoesNotHang) {
  fs::remove(path("rank_00001.h5"));
  ASSERT_EQ(mkfifo(path("rank_00001.h5").c_str(), 0600), 0);
  EXPECT_THAT([&] { read_manifest(folder_); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
}

TEST_F(CheckpointDamage, AnUnknownFormatIsNamedWithBothNumbers) {
  std::string text = read_text(path("manifest.json"), 1 << 20);
  text.replace(text.find("\"format\": 1"), 11, "\"format\": 9");
  write_text(path("manifest.json"), text);
  EXPECT_THAT([&] { read_manifest(folder_); },
              ThrowsMessage<Error>(AllOf(HasSubstr("version 9"), HasSubstr("version 1"), HasSubstr("manifest.json"))));
}

TEST_F(CheckpointDamage, ManifestsOfEveryKindOfNonsenseAreErrors) {
  for (const char* text : {"", "{", "[]", "null", "{}", "{\"format\": 1}", "{\"format\": \"1\"}", "{\"format\": 1.0}",
                           "{\"format\": 18446744073709551617}", "{\"format\": 1, \"crc32c\": \"00000000\",\n}",
                           "\xff\xfe\x00", "[[[[[[[[[[[[[[[["}) {
    write_text(path("manifest.json"), text);
    EXPECT_THAT([&] { read_manifest(folder_); }, ThrowsMessage<Error>(HasSubstr("manifest.json"))) << text;
  }
  write_text(path("manifest.json"), std::string(1 << 20, '['));
  EXPECT_THAT([&] { read_manifest(folder_); }, ThrowsMessage<Error>(HasSubstr("manifest.json")));
}

TEST_F(CheckpointDamage, AnElementStoredNowhereIsAnErrorNamingTheTensor) {
  forge([](Manifest& m) { m.files[1].pieces.pop_back(); });
  EXPECT_THAT([&] { read_manifest(folder_); }, ThrowsMessage<Error>(HasSubstr("embedding")));
}

TEST_F(CheckpointDamage, AnElementStoredTwiceIsAnErrorNamingTheTensor) {
  forge([](Manifest& m) { m.files[0].pieces.push_back(m.files[0].pieces.front()); });
  EXPECT_THAT([&] { read_manifest(folder_); }, ThrowsMessage<Error>(AllOf(HasSubstr("gamma"), HasSubstr("twice"))));
}

TEST_F(CheckpointDamage, NumbersOutsideTheirRangesAreErrors) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  using Edit = std::function<void(Manifest&)>;
  const Edit edits[] = {
      [](Manifest& m) { m.files[0].pieces[0].tensor = 6; },
      [](Manifest& m) { m.files[0].pieces[0].tensor = -1; },
      [](Manifest& m) { m.files[0].pieces[0].shard = 2; },
      [](Manifest& m) { m.files[0].pieces[0].begin = -1; },
      [](Manifest& m) { m.files[0].pieces[0].begin = kHuge; },
      [](Manifest& m) { m.files[0].pieces[0].count = 0; },
      [](Manifest& m) { m.files[0].pieces[0].count = kHuge; },
      [](Manifest& m) { m.files[0].pieces[0].offsets[2] = kHuge; },
      [](Manifest& m) { m.files[0].pieces[0].offsets[0] = m.files[0].checksum.bytes - 3; },
      [](Manifest& m) { m.files[0].checksum.bytes = kHuge; },
      [](Manifest& m) { m.files[0].checksum.chunks.push_back(0); },
      [](Manifest& m) { m.files[0].name = "../step_00000007/rank_00000.h5"; },
      [](Manifest& m) { m.files[0].name = "/etc/passwd"; },
      [](Manifest& m) {
        m.table[0].shape = {kHuge, kHuge};
      },
      [](Manifest& m) {
        m.table[0].shape = {1, std::int64_t{1} << 44};
      },
      [](Manifest& m) {
        m.table[1].shape = {0, 9};
      },
      [](Manifest& m) {
        m.table[1].shape = {-7, -9};
      },
      [](Manifest& m) { m.table[1].shape = Shape{}; },
      [](Manifest& m) { m.table[5].split = Split::heads; },
      [](Manifest& m) { m.shard_counts[0] = 0; },
      [](Manifest& m) { m.shard_counts[0] = 2'000'000'000; },
      [](Manifest& m) { m.shard_counts[1] = 2; },
      [](Manifest& m) { m.shard_counts[2] = 3; },
  };
  const std::string good = read_text(path("manifest.json"), 1 << 20);
  for (const Edit& edit : edits) {
    forge(edit);
    EXPECT_THAT([&] { read_manifest(folder_); }, ThrowsMessage<Error>(HasSubstr("manifest.json")))
        << "edit " << &edit - edits;
    write_text(path("manifest.json"), good);
  }
  EXPECT_EQ(load_everything(), 0);
}

TEST_F(CheckpointDamage, VerifyComparesWhatTheDataSetsSayWithTheManifest) {
  // Two pieces of one size swap their places in the manifest: checksums are right, the values would be exchanged.
  forge([](Manifest& m) {
    std::vector<StoredPiece>& pieces = m.files[0].pieces;
    for (std::size_t a = 0; a < pieces.size(); ++a) {
      for (std::size_t b = a + 1; b < pieces.size(); ++b) {
        if (pieces[a].count == pieces[b].count) return std::swap(pieces[a].offsets, pieces[b].offsets);
      }
    }
    std::swap(pieces[0].offsets[1], pieces[0].offsets[2]);
  });
  EXPECT_THAT([&] { verify(read_manifest(folder_)); },
              ThrowsMessage<Error>(AllOf(HasSubstr("rank_00000.h5"), HasSubstr("not what the manifest says"))));
}

TEST_F(CheckpointDamage, EveryDataSetDescribesItself) {
  const data::Hdf5File file = data::Hdf5File::open(path("rank_00002.h5"));
  ASSERT_THAT(file.dataset_names(), testing::Contains("m:down:0:0"));
  EXPECT_EQ(file.integer_attribute("phalanx_checkpoint_format"), 1);
  const data::Hdf5Dataset dataset = file.dataset("m:down:0:0");
  EXPECT_EQ(dataset.string_attribute("tensor"), "down");
  EXPECT_EQ(dataset.string_attribute("kind"), "m");
  EXPECT_EQ(dataset.string_attribute("split"), "columns");
  EXPECT_THAT(dataset.integers_attribute("global_shape"), testing::ElementsAre(9, 12));
  EXPECT_EQ(dataset.integer_attribute("shard"), 0);
  EXPECT_EQ(dataset.integer_attribute("shard_count"), 2);
  EXPECT_EQ(dataset.integer_attribute("begin"), 0);
  std::vector<float> values(static_cast<std::size_t>(dataset.size()));
  dataset.read(0, std::span(values));
  const ParamSpec spec = odd_table()[3];
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float expected = value_of(3, 1, global_index(spec, 0, 2, static_cast<std::int64_t>(i)));
    EXPECT_EQ(std::bit_cast<std::uint32_t>(values[i]), std::bit_cast<std::uint32_t>(expected)) << i;
  }
}

}  // namespace
}  // namespace phalanx::checkpoint::test
