#include "data/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include "data/dataset_info.h"
#include "data/evaluation_batches.h"
#include "data/sampler.h"
#include "data/shard_reader.h"
#include "tests/data/shard_fixture.h"
#include "tests/data/temporary_folder.h"

namespace phalanx::data {
namespace {

using testing::HasSubstr;

struct Row {
  std::vector<std::int32_t> tokens, targets, positions, begins, ends;
  std::int64_t sequence = 0;
  bool operator==(const Row&) const = default;
};

void append_rows(const Batch& batch, std::vector<Row>& rows) {
  for (int b = 0; b < batch.B; ++b) {
    const auto part = [&](const std::vector<std::int32_t>& field) {
      return std::vector<std::int32_t>(field.begin() + b * batch.T, field.begin() + (b + 1) * batch.T);
    };
    rows.push_back({part(batch.tokens), part(batch.targets), part(batch.positions), part(batch.document_begin),
                    part(batch.document_end), batch.sequences[static_cast<std::size_t>(b)]});
  }
}

std::vector<Row> rows_of(const LoaderOptions& options, int steps) {
  Loader loader(options);
  std::vector<Row> rows;
  for (int s = 0; s < steps; ++s) {
    for (const Batch& batch : loader.next().micro) append_rows(batch, rows);
  }
  return rows;
}

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() {
    write_shards(a_, numbered_documents(1500), ByteTokenizer(), 70 << 10);  // two shards
    write_shards(b_, numbered_documents(200), ByteTokenizer());
    options_.sources = {{a_, 3}, {b_, 1}};
    options_.seed = 99;
    options_.context = 31;
    options_.global_batch = 12;
    options_.micro_batch = 3;
    options_.prefetch = 2;
  }
  TemporaryFolder temporary_;
  std::string a_ = temporary_.path() + "/a", b_ = temporary_.path() + "/b";
  LoaderOptions options_;
};

TEST_F(LoaderTest, RowsAreTheWindowsOfTheSampleOrder) {
  ASSERT_EQ(ShardReader(a_).shards().size(), 2U);
  const ShardReader readers[] = {ShardReader(a_), ShardReader(b_)};
  const WindowTable tables[] = {WindowTable(readers[0], 31), WindowTable(readers[1], 31)};
  const Sampler sampler(99, {{3, tables[0].windows()}, {1, tables[1].windows()}});
  options_.document_attention = false;
  const std::vector<Row> rows = rows_of(options_, 7);
  for (std::int64_t i = 0; i < 84; ++i) {
    const Row& row = rows[static_cast<std::size_t>(i)];
    const Sample sample = sampler.at(i);
    const auto place = tables[sample.source].place(sample.window);
    std::vector<std::int32_t> ids(32);
    readers[sample.source].shards()[place.shard]->read_tokens(place.first, std::span(ids));
    EXPECT_EQ(row.tokens, std::vector<std::int32_t>(ids.begin(), ids.end() - 1));
    EXPECT_EQ(row.targets, std::vector<std::int32_t>(ids.begin() + 1, ids.end()));
    EXPECT_EQ(row.sequence, i);
    EXPECT_EQ(row.positions[30], 30);
    EXPECT_EQ(row.begins, std::vector<std::int32_t>(31, 0));
    EXPECT_EQ(row.ends, std::vector<std::int32_t>(31, 31));
  }
}

// What a row must be, told from its tokens alone: 256 ends a document.
void expect_documents(const Row& row) {
  std::int32_t begin = 0;
  const auto T = static_cast<std::int32_t>(row.tokens.size());
  for (std::int32_t t = 0; t < T; ++t) {
    const auto i = static_cast<std::size_t>(t);
    EXPECT_EQ(row.positions[i], t - begin);
    EXPECT_EQ(row.begins[i], begin);
    const bool ends = row.tokens[i] == 256;
    EXPECT_EQ(row.targets[i] == Batch::kIgnore, ends);
    if (!ends && t + 1 < T) {
      EXPECT_EQ(row.targets[i], row.tokens[i + 1]);
    }
    if (ends || t + 1 == T) {
      for (std::int32_t k = begin; k <= t; ++k) EXPECT_EQ(row.ends[static_cast<std::size_t>(k)], t + 1);
      begin = t + 1;
    }
  }
}

TEST_F(LoaderTest, DocumentsAreKeptApart) {
  Loader loader(options_);
  for (int s = 0; s < 20; ++s) {
    const StepBatch& step = loader.next();
    std::int64_t predicted = 0;
    for (const Batch& batch : step.micro) {
      std::vector<Row> rows;
      append_rows(batch, rows);
      std::int64_t in_batch = 0;
      for (const Row& row : rows) {
        expect_documents(row);
        for (const std::int32_t target : row.targets) in_batch += target != Batch::kIgnore ? 1 : 0;
      }
      EXPECT_EQ(batch.predicted, in_batch);
      predicted += in_batch;
    }
    EXPECT_EQ(step.predicted, predicted);
    EXPECT_EQ(step.tokens, 12 * 31);
  }
}

TEST_F(LoaderTest, WithoutEndOfTextDocumentsAreKeptApartToo) {
  const std::string path = temporary_.path() + "/bert";
  write_shards(path, {{1, 2, 3, 4, 5}, {6}, {7, 8, 9}}, ByteTokenizer(257, false));
  const std::vector<Batch> batches = evaluation_batches(path, 4, 10, 2, 0, 1, true);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0].tokens, (std::vector<std::int32_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(batches[0].targets, (std::vector<std::int32_t>{2, 3, 4, 5, -1, -1, 8, 9}));
  EXPECT_EQ(batches[0].positions, (std::vector<std::int32_t>{0, 1, 2, 3, 0, 0, 0, 1}));
  EXPECT_EQ(batches[0].document_begin, (std::vector<std::int32_t>{0, 0, 0, 0, 0, 1, 2, 2}));
  EXPECT_EQ(batches[0].document_end, (std::vector<std::int32_t>{4, 4, 4, 4, 1, 2, 4, 4}));
  EXPECT_EQ(batches[0].predicted, 6);
}

TEST_F(LoaderTest, ATargetBehindTheWindowThatBeginsADocumentIsIgnored) {
  const std::string path = temporary_.path() + "/edge";
  write_shards(path, {{1, 2, 3}, {4, 5, 6}}, ByteTokenizer(257, false));
  const std::vector<Batch> batches = evaluation_batches(path, 3, 10, 1, 0, 1, true);
  EXPECT_EQ(batches[0].targets, (std::vector<std::int32_t>{2, 3, -1}));
  EXPECT_EQ(batches[0].document_end, (std::vector<std::int32_t>{3, 3, 3}));
}

TEST_F(LoaderTest, ResumingGivesTheBatchesOfNoStop) {
  const std::vector<Row> all = rows_of(options_, 150);  // more than one block of sources
  for (const int step : {1, 7, 86, 149}) {
    LoaderOptions resumed = options_;
    resumed.first_sequence = std::int64_t{12} * step;
    EXPECT_EQ(rows_of(resumed, 150 - step), std::vector<Row>(all.begin() + 12 * step, all.end()));
  }
}

TEST_F(LoaderTest, AnotherBatchSizeGoesOnWhereTheRunIs) {
  const std::vector<Row> all = rows_of(options_, 10);
  LoaderOptions resumed = options_;
  resumed.first_sequence = 60;
  resumed.global_batch = 20;
  resumed.micro_batch = 5;
  EXPECT_EQ(rows_of(resumed, 3), std::vector<Row>(all.begin() + 60, all.end()));
}

TEST_F(LoaderTest, DataRanksTogetherAreOneRank) {
  const int steps = 9;
  const std::vector<Row> all = rows_of(options_, steps);
  for (const int ranks : {2, 4}) {
    options_.data_ranks = ranks;
    const int local = 12 / ranks;
    for (options_.data_rank = 0; options_.data_rank < ranks; ++options_.data_rank) {
      const std::vector<Row> part = rows_of(options_, steps);
      for (int s = 0; s < steps; ++s) {
        const auto begin = all.begin() + s * 12 + options_.data_rank * local;
        EXPECT_EQ(std::vector<Row>(part.begin() + s * local, part.begin() + (s + 1) * local),
                  std::vector<Row>(begin, begin + local));
      }
    }
  }
}

TEST_F(LoaderTest, PrefetchChangesNothingAndLeavesTheStepInUseAlone) {
  const std::vector<Row> all = rows_of(options_, 8);
  for (const int prefetch : {1, 5}) {
    options_.prefetch = prefetch;
    EXPECT_EQ(rows_of(options_, 8), all);
    Loader loader(options_);
    const StepBatch& step = loader.next();
    std::vector<Row> before, after;
    append_rows(step.micro[0], before);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    append_rows(step.micro[0], after);
    EXPECT_EQ(after, before);
  }
}

TEST_F(LoaderTest, DamageMetByTheThreadIsThrownByNext) {
  const Manifest manifest = read_manifest(b_);
  std::fstream file(b_ + "/shard_00000.h5", std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(manifest.shards[0].token_offset + 100);
  file.put('\x7f').flush();
  options_.sources = {{b_, 1}};
  Loader loader(options_);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(error_of([&] { loader.next(); }), HasSubstr(b_ + "/shard_00000.h5: damaged")) << "and stays thrown";
  }
}

TEST_F(LoaderTest, SourcesAndSizesThatDoNotFitAreRefused) {
  const auto refused = [&](const std::function<void(LoaderOptions&)>& edit) {
    LoaderOptions options = options_;
    edit(options);
    return error_of([&] { const Loader loader(options); });
  };
  const std::string other = temporary_.path() + "/other";
  write_shards(other, numbered_documents(50), ByteTokenizer(257, true, "d2"));
  EXPECT_THAT(refused([&](auto& o) {
                o.sources.push_back({other, 1});
              }),
              HasSubstr("data.train (" + other + "): its tokens are of another tokenizer (d2...) than"));
  EXPECT_THAT(refused([](auto& o) { o.context = 100000; }), HasSubstr("hold no window of 100000 + 1"));
  EXPECT_THAT(refused([](auto& o) { o.micro_batch = 5; }), HasSubstr("training.global_batch (12) must be divisible"));
  EXPECT_THAT(refused([](auto& o) { o.sources[0].weight = 0; }), HasSubstr("weight must be positive"));
  EXPECT_THAT(refused([](auto& o) { o.sources.clear(); }), HasSubstr("names no source"));
}

TEST_F(LoaderTest, EvaluationTakesTheFirstWindowsInFileOrder) {
  const ShardReader reader(a_);
  const std::vector<Batch> whole = evaluation_batches(a_, 31, 50, 50, 0, 1, true);
  std::vector<Row> all;
  append_rows(whole[0], all);
  for (std::int64_t w = 0; w < 50; ++w) {
    std::vector<std::int32_t> ids(31);
    reader.shards()[0]->read_tokens(31 * w, std::span(ids));
    EXPECT_EQ(all[static_cast<std::size_t>(w)].tokens, ids);
    EXPECT_EQ(all[static_cast<std::size_t>(w)].sequence, w);
    expect_documents(all[static_cast<std::size_t>(w)]);
  }
}

TEST_F(LoaderTest, EvaluationRanksShareTheWindowsInEqualNumbersOfBatches) {
  for (const std::int64_t samples : {1, 2, 13, 50}) {
    std::vector<Row> expected, found;
    append_rows(evaluation_batches(a_, 31, samples, static_cast<int>(samples), 0, 1, true)[0], expected);
    std::set<std::size_t> batch_counts;
    std::int64_t predicted = 0, wanted = 0;
    for (int rank = 0; rank < 3; ++rank) {
      const auto batches = evaluation_batches(a_, 31, samples, 4, rank, 3, true);
      batch_counts.insert(batches.size());
      std::vector<Row> rows;
      for (const Batch& batch : batches) {
        EXPECT_EQ(batch.B, 4);
        predicted += batch.predicted;
        append_rows(batch, rows);
      }
      for (const Row& row : rows) {
        if (row.targets != std::vector<std::int32_t>(31, Batch::kIgnore)) found.push_back(row);
      }
    }
    for (const Row& row : expected) {
      wanted += 31 - std::count(row.targets.begin(), row.targets.end(), Batch::kIgnore);
    }
    EXPECT_EQ(found, expected);
    EXPECT_EQ(predicted, wanted);
    EXPECT_EQ(batch_counts.size(), 1U);
  }
  EXPECT_EQ(evaluation_batches(b_, 31, 1 << 30, 1, 0, 1, true).size(),
            static_cast<std::size_t>(WindowTable(ShardReader(b_), 31).windows()));
}

TEST_F(LoaderTest, DatasetInfoTellsWhatTheFolderHolds) {
  const DatasetInfo info = read_dataset_info(b_);
  EXPECT_EQ(info.vocabulary, 257);
  EXPECT_EQ(info.tokenizer_digest, "d1");
  EXPECT_EQ(info.unigram_counts.size(), 257U);
  EXPECT_EQ(info.unigram_counts[256], 200);
  EXPECT_NE(info.data_digest, read_dataset_info(a_).data_digest);
}

}  // namespace
}  // namespace phalanx::data
