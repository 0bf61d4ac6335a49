// HDF5 files as NVIDIA's BERT scripts write them: compressed, two dimensions, narrow integers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <map>

#include "core/random.h"
#include "data/import/child_stream.h"
#include "tests/data/import_fixture.h"
#include "tests/data/shard_fixture.h"
#include "tests/data/temporary_folder.h"
#include "tests/data/wordpiece_fixture.h"

namespace phalanx::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr TokenId kCls = 2, kSep = 3, kMask = 4;  // of testing_wordpiece; words from 5 on

struct Table {
  std::vector<std::int32_t> values;
  hsize_t columns = 1;  // 0: one dimension
  hid_t type = H5T_STD_I32LE;
};
using Tables = std::map<std::string, Table>;

void write_table(hid_t file, const std::string& name, const Table& table) {
  const int dimensions = table.columns == 0 ? 1 : 2;
  const hsize_t columns = std::max<hsize_t>(table.columns, 1);
  const std::array<hsize_t, 2> size{table.values.size() / columns, columns};
  const std::array<hsize_t, 2> chunk{2, columns};
  const hid_t space = H5Screate_simple(dimensions, size.data(), nullptr), how = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(how, dimensions, chunk.data());
  H5Pset_deflate(how, 4);
  const hid_t set = H5Dcreate2(file, name.c_str(), table.type, space, H5P_DEFAULT, how, H5P_DEFAULT);
  EXPECT_GE(H5Dwrite(set, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, table.values.data()), 0);
  H5Dclose(set), H5Pclose(how), H5Sclose(space);
}

void write_file(const std::string& path, const Tables& tables) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  for (const auto& [name, table] : tables) write_table(file, name, table);
  H5Fclose(file);
}

// Three sequences of up to 9 tokens with up to 2 masked: B follows A; B is from elsewhere; A alone.
Tables good_tables() {
  return {
      {"input_ids",
       {{kCls, 5,     kMask, 7,    kSep, 8, 9, kSep, 0,     //
         kCls, 6,     kSep,  8,    5,    7, 6, 9,    kSep,  //
         kCls, kMask, 8,     kSep, 0,    0, 0, 0,    0},
        9}},
      {"input_mask",
       {{1, 1, 1, 1, 1, 1, 1, 1, 0,  //
         1, 1, 1, 1, 1, 1, 1, 1, 1,  //
         1, 1, 1, 1, 0, 0, 0, 0, 0},
        9,
        H5T_STD_I8LE}},
      {"segment_ids",
       {{0, 0, 0, 0, 0, 1, 1, 1, 0,  //
         0, 0, 0, 1, 1, 1, 1, 1, 1,  //
         0, 0, 0, 0, 0, 0, 0, 0, 0},
        9,
        H5T_STD_I8LE}},
      {"masked_lm_positions", {{2, 6, 4 - 1, 0, 1, 0}, 2}},
      {"masked_lm_ids", {{6, 9, 5, 0, 7, 0}, 2}},  // the second is a token put in place of a 5
      {"next_sentence_labels", {{0, 1, 1}, 0, H5T_STD_I8LE}},
  };
}

class ImportNvidiaBert : public testing::Test {
 protected:
  ImportNvidiaBert() {
    options_.from = ImportFormat::nvidia_bert;
    options_.inputs = {folder_ / "a.hdf5"};
    options_.parts.output = folder_ / "out";
  }
  ImportReport import() { return import_tokens(options_, tokenizer_); }
  std::string refusal() {
    std::string message = error_of([&] { import(); });
    EXPECT_FALSE(fs::exists(options_.parts.output)) << message;
    return message;
  }
  std::string refusal_of(const Tables& tables) {
    write_file(folder_ / "a.hdf5", tables);
    return refusal();
  }
  // The good tables with one number changed.
  std::string refusal_with(const std::string& name, std::size_t at, std::int32_t value) {
    Tables tables = good_tables();
    tables[name].values[at] = value;
    return refusal_of(tables);
  }

  TemporaryFolder folder_;
  ImportOptions options_;
  WordPieceTokenizer tokenizer_{testing_wordpiece::model_of({"a", "b", "c", "d", "e"})};
};

TEST_F(ImportNvidiaBert, MasksAreTakenBackAndPairsBecomeSentences) {
  write_file(folder_ / "a.hdf5", good_tables());
  const ImportReport report = import();
  const std::string train = options_.parts.output + "/train";
  const std::vector<std::vector<TokenId>> expected = {{5, 6, 7, 8, 9}, {6}, {5, 5, 7, 6, 9}, {7, 8}};
  EXPECT_EQ(testing_import::documents(train), expected);
  std::vector<std::int64_t> sentences;
  ShardReader(train).shards()[0]->sentence_begins(0, 13, sentences);
  EXPECT_EQ(sentences, std::vector<std::int64_t>({3, 5, 6, 11}));
  EXPECT_EQ(report.tokens_read, 13);
  EXPECT_EQ(report.ends_added, 0) << "documents of this tokenizer have no end of text";
}

TEST_F(ImportNvidiaBert, ManyRowsComeWhole) {
  Tables tables = good_tables();
  const Tables once = tables;
  for (auto& [name, table] : tables) {
    for (int i = 1; i < 700; ++i) {
      table.values.insert(table.values.end(), once.at(name).values.begin(), once.at(name).values.end());
    }
  }
  write_file(folder_ / "a.hdf5", tables);
  options_.inputs.push_back(folder_ / "a.hdf5");
  EXPECT_EQ(import().train.tokens, 2 * 700 * 13);
}

TEST_F(ImportNvidiaBert, RowsThatMakeNoSenseAreNamed) {
  EXPECT_THAT(refusal_with("input_ids", 10, 10),
              AllOf(HasSubstr("a.hdf5:/input_ids, row 1, column 1: id 10"), HasSubstr("--tokenizer")));
  EXPECT_THAT(refusal_with("masked_lm_ids", 4, -1), HasSubstr("/input_ids, row 2, column 1: id -1"));
  EXPECT_THAT(refusal_with("input_ids", 9, 5), HasSubstr("row 1, column 0: id 5 where [CLS]"));
  EXPECT_THAT(refusal_with("input_ids", 11, 5), HasSubstr("row 1, column 2: id 5 where [SEP]"));
  EXPECT_THAT(refusal_with("input_mask", 8 - 1, 0), HasSubstr("row 0, column 6: id 9 where [SEP]"));
  EXPECT_THAT(refusal_with("input_mask", 3, 0), HasSubstr("/input_mask, row 0: must be ones and then zeros"));
  EXPECT_THAT(refusal_with("input_mask", 9, 0), HasSubstr("/input_mask, row 1"));
  EXPECT_THAT(refusal_with("segment_ids", 0, 1), HasSubstr("/segment_ids, row 0"));
  EXPECT_THAT(refusal_with("masked_lm_positions", 0, 8), HasSubstr("/masked_lm_positions, row 0: position 8"));
  EXPECT_THAT(refusal_with("masked_lm_positions", 2, -3), HasSubstr("row 1: position -3"));
  EXPECT_THAT(refusal_with("next_sentence_labels", 1, 2), HasSubstr("/next_sentence_labels, row 1: label 2"));
}

TEST_F(ImportNvidiaBert, DataSetsThatDoNotFitAreNamed) {
  Tables tables = good_tables();
  tables.erase("segment_ids");
  EXPECT_THAT(refusal_of(tables), HasSubstr("a.hdf5:/segment_ids: no such data set"));
  tables = good_tables();
  tables["segment_ids"].values.resize(18);
  EXPECT_THAT(refusal_of(tables), HasSubstr("/segment_ids: 2 rows, but /input_ids has 3"));
  tables = good_tables();
  tables["input_mask"].values.resize(24);
  tables["input_mask"].columns = 8;
  EXPECT_THAT(refusal_of(tables), HasSubstr("/input_mask: rows of 8 numbers, but /input_ids has 9"));
  tables = good_tables();
  tables["input_ids"].type = H5T_IEEE_F32LE;
  EXPECT_THAT(refusal_of(tables), HasSubstr("/input_ids: must hold integers"));
}

TEST_F(ImportNvidiaBert, RowsThatNobodyStoredAreRefused) {
  write_file(folder_ / "a.hdf5", good_tables());
  {
    const hid_t file = H5Fopen((folder_ / "a.hdf5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, "input_ids", H5P_DEFAULT);
    const std::array<hsize_t, 2> size{hsize_t{1} << 40, 9}, chunk{2, 9};
    const hid_t space = H5Screate_simple(2, size.data(), nullptr), how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(how, 2, chunk.data());
    const hid_t set = H5Dcreate2(file, "input_ids", H5T_STD_I32LE, space, H5P_DEFAULT, how, H5P_DEFAULT);
    EXPECT_GE(set, 0);
    H5Dclose(set), H5Pclose(how), H5Sclose(space), H5Fclose(file);
  }
  EXPECT_THAT(refusal(), HasSubstr("/input_ids: claims 1099511627776 rows"));
}

TEST_F(ImportNvidiaBert, OtherFilesAndTokenizersAreRefused) {
  folder_.write("a.hdf5", "no HDF5");
  EXPECT_THAT(refusal(), HasSubstr("a.hdf5: cannot open as HDF5"));
  write_file(folder_ / "a.hdf5", good_tables());
  const ByteTokenizer other;
  EXPECT_THAT(error_of([&] { import_tokens(options_, other); }), HasSubstr("[MASK]"));
}

TEST_F(ImportNvidiaBert, DamagedBytesNeverCrashOrHang) {
  write_file(folder_ / "a.hdf5", good_tables());
  const std::string good = read_text(folder_ / "a.hdf5", 1 << 20);
  int refused = 0;
  for (std::uint32_t i = 0; i < 25; ++i) {
    std::string bad = good;
    const RandomKey key{7, Purpose::data_split, 0, i};
    for (std::uint32_t j = 0; j < 8; ++j) {
      bad[random_u32(key, 2 * j) % bad.size()] = static_cast<char>(random_u32(key, 2 * j + 1));
    }
    folder_.write("a.hdf5", bad);
    fs::remove_all(options_.parts.output);
    refused += error_of([&] { import(); }) == "no error" ? 0 : 1;
  }
  EXPECT_GT(refused, 0);
}

TEST(ChildStream, DeathOfTheProducerIsAnError) {
  const auto message = [](const std::function<void(const ChildStream::Write&)>& produce) {
    return error_of([&] {
      ChildStream stream("x.h5", produce);
      std::array<char, 8> bytes{};
      stream.read(bytes.data(), bytes.size());
    });
  };
  EXPECT_THAT(message([](const ChildStream::Write&) { ::raise(SIGKILL); }), HasSubstr("x.h5: is damaged"));
  EXPECT_THAT(message([](const ChildStream::Write&) { ::raise(SIGPROF); }), HasSubstr("did not come to an end"));
  EXPECT_THAT(message([](const ChildStream::Write& write) { write("abc", 3); }), HasSubstr("ended early"));
  EXPECT_EQ(message([](const ChildStream::Write&) { throw Error("as it says"); }), "as it says");
}

TEST(ChildStream, ItsReaderMayLeave) {
  ChildStream stream("x.h5", [](const ChildStream::Write& write) {
    for (;;) write("abcdefgh", 8);
  });
  std::array<char, 5> bytes{};
  stream.read(bytes.data(), bytes.size());
  EXPECT_EQ(std::string(bytes.data(), 5), "abcde");
}

}  // namespace
}  // namespace phalanx::data
