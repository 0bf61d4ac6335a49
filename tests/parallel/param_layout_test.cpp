// Parameter table -> flat buffers, buckets, owners; and where shards lie in the global tensor.
#include "parallel/param_layout.h"
#include "parallel/shard_index.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace phalanx {
namespace {

ParamSpec spec(std::string name, Shape shape, Split split = Split::none, bool vocabulary = false) {
  ParamSpec s;
  s.name = std::move(name);
  s.shape = shape;
  s.split = split;
  s.vocabulary = vocabulary;
  return s;
}

// Every kind of split, odd sizes, a vocabulary that needs padding.
ParamTable odd_table() {
  return {spec("embedding", {301, 12}, Split::rows, true),
          spec("position", {7, 12}),
          spec("qkv", {3, 4, 3, 12}, Split::heads),
          spec("qkv.bias", {3, 4, 3}, Split::heads),
          spec("up", {20, 12}, Split::rows),
          spec("up.bias", {20}, Split::rows),
          spec("down", {12, 20}, Split::columns),
          spec("down.bias", {12}),
          spec("gamma", {12})};
}

struct Case {
  int tensor_ranks, shards_per_rank, data_ranks;
  std::int64_t bucket_elements;
};

std::vector<Case> cases() {
  return {{1, 1, 1, 1},   {1, 1, 3, 1000}, {2, 1, 1, 300},     {2, 2, 2, 1},
          {4, 1, 2, 500}, {1, 4, 3, 2000}, {4, 1, 5, 1 << 30}, {2, 2, 4, 64}};
}

TEST(ParamLayout, FlatOrderIsTheReverseOfTheTable) {
  const ParamLayout layout(odd_table(), {2, 0, 1}, 2, 400);
  std::int64_t last = -1;
  for (int i = static_cast<int>(layout.table().size()) - 1; i >= 0; --i) {
    EXPECT_GT(layout.param(i).offset, last);
    EXPECT_EQ(layout.param(i).spec, i);
    last = layout.param(i).offset;
  }
  EXPECT_EQ(layout.param(8).offset, 0);
}

TEST(ParamLayout, TensorsNeverOverlapAndStartAligned) {
  for (const Case& c : cases()) {
    const ParamLayout layout(odd_table(), {c.tensor_ranks * c.shards_per_rank, 0, c.shards_per_rank}, c.data_ranks,
                             c.bucket_elements);
    std::int64_t end = 0;
    for (int i = static_cast<int>(layout.table().size()) - 1; i >= 0; --i) {
      EXPECT_EQ(layout.param(i).offset % 64, 0);
      EXPECT_GE(layout.param(i).offset, end);
      end = layout.param(i).offset + layout.param(i).count;
    }
    EXPECT_LE(end, layout.flat_count());
  }
}

TEST(ParamLayout, BucketsTileTheFlatRangeAndDivideByDataRanks) {
  for (const Case& c : cases()) {
    const ParamLayout layout(odd_table(), {c.tensor_ranks * c.shards_per_rank, 0, c.shards_per_rank}, c.data_ranks,
                             c.bucket_elements);
    std::int64_t end = 0;
    std::size_t params = 0;
    for (std::size_t b = 0; b < layout.buckets().size(); ++b) {
      const Bucket& bucket = layout.buckets()[b];
      EXPECT_EQ(bucket.offset, end);
      EXPECT_EQ(bucket.count % (c.data_ranks * 64), 0);
      EXPECT_FALSE(bucket.params.empty());
      params += bucket.params.size();
      std::int64_t used = 0;
      for (const int p : bucket.params) {
        EXPECT_EQ(layout.param(p).bucket, static_cast<int>(b));
        EXPECT_GE(layout.param(p).offset, bucket.offset);
        used = layout.param(p).offset + layout.param(p).count - bucket.offset;
      }
      if (bucket.params.size() > 1) {
        EXPECT_LE(used, c.bucket_elements);
      }
      EXPECT_LE(used, bucket.count);
      end = bucket.offset + bucket.count;
    }
    EXPECT_EQ(end, layout.flat_count());
    EXPECT_EQ(params, layout.table().size());
    EXPECT_EQ(layout.own_count() * c.data_ranks, layout.flat_count());
  }
}

TEST(ParamLayout, OwnedPiecesOfAllRanksCoverEveryTrueElementExactlyOnce) {
  for (const Case& c : cases()) {
    const ParamTable table = odd_table();
    std::vector<std::vector<int>> seen;
    for (const ParamSpec& s : table) seen.emplace_back(static_cast<std::size_t>(s.shape.count()), 0);
    for (int t = 0; t < c.tensor_ranks; ++t) {
      const TensorShards shards{c.tensor_ranks * c.shards_per_rank, t * c.shards_per_rank, c.shards_per_rank};
      const ParamLayout layout(table, shards, c.data_ranks, c.bucket_elements);
      for (int d = 0; d < c.data_ranks; ++d) {
        for (const OwnedPiece& piece : layout.owned_pieces(d, t)) {
          if (!piece.primary) continue;
          for (std::int64_t i = 0; i < piece.count; ++i) {
            const std::int64_t g = global_index(table[static_cast<std::size_t>(piece.spec)], piece.shard,
                                                piece.shard_count, piece.begin + i);
            if (g >= 0) ++seen[static_cast<std::size_t>(piece.spec)][static_cast<std::size_t>(g)];
          }
        }
      }
    }
    for (std::size_t p = 0; p < table.size(); ++p) {
      for (const int times : seen[p]) ASSERT_EQ(times, 1) << table[p].name;
    }
  }
}

TEST(ParamLayout, OwnOffsetsFollowThePartsOfTheBuckets) {
  for (const Case& c : cases()) {
    const ParamLayout layout(odd_table(), {c.tensor_ranks * c.shards_per_rank, 0, c.shards_per_rank}, c.data_ranks,
                             c.bucket_elements);
    std::vector<float> flat(static_cast<std::size_t>(layout.flat_count()));
    for (std::size_t i = 0; i < flat.size(); ++i) flat[i] = static_cast<float>(i);
    const Tensor buffer = host_tensor(flat.data(), {layout.flat_count()});
    for (int d = 0; d < c.data_ranks; ++d) {
      std::vector<float> own;  // parts one after the other, as optimizer state stores them
      for (const Bucket& bucket : layout.buckets()) {
        EXPECT_EQ(static_cast<std::int64_t>(own.size()), layout.own_offset(bucket));
        const Tensor part = layout.owned_part(buffer, bucket, d);
        own.insert(own.end(), part.as<float>(), part.as<float>() + part.count());
      }
      ASSERT_EQ(static_cast<std::int64_t>(own.size()), layout.own_count());
      std::int64_t end = 0;
      for (const OwnedPiece& piece : layout.owned_pieces(d, 0)) {
        EXPECT_GE(piece.own_offset, end);
        end = piece.own_offset + piece.count;
        for (const std::int64_t i : {std::int64_t{0}, piece.count - 1}) {
          EXPECT_EQ(static_cast<std::int64_t>(own[static_cast<std::size_t>(piece.own_offset + i)]),
                    piece.flat_offset + i);
        }
      }
    }
  }
}

TEST(ParamLayout, TensorIsAViewOfShards) {
  const ParamLayout layout(odd_table(), {4, 2, 2}, 1, 100);
  std::vector<float> flat(static_cast<std::size_t>(layout.flat_count()));
  const Tensor buffer = host_tensor(flat.data(), {layout.flat_count()});
  const Tensor qkv = layout.tensor(buffer, layout.find("qkv"));
  EXPECT_EQ(qkv.shape, (Shape{2, 3, 1, 3, 12}));
  EXPECT_EQ(qkv.as<float>(), flat.data() + layout.param(2).offset);
  EXPECT_EQ(layout.tensor(buffer, layout.find("position")).shape, (Shape{1, 7, 12}));
  EXPECT_EQ(layout.tensor(buffer, layout.find("embedding")).shape, (Shape{2, 128, 12}));  // 301 -> 4 * 128
}

TEST(ParamLayout, RefusesWhatCannotBeLaidOut) {
  EXPECT_THROW(ParamLayout(odd_table(), {3, 0, 1}, 1, 100), Error);  // 4 heads over 3 shards
  EXPECT_THROW(ParamLayout(odd_table(), {2, 0, 1}, 0, 100), Error);
  EXPECT_THROW(ParamLayout(odd_table(), {2, 0, 1}, 1, 0), Error);
  EXPECT_THROW(ParamLayout(odd_table(), {2, 1, 2}, 1, 100), Error);
  EXPECT_THROW(ParamLayout({spec("a", {3}), spec("a", {4})}, {}, 1, 100), Error);
  EXPECT_THROW(ParamLayout({spec("a", {3, 0})}, {}, 1, 100), Error);
  const ParamLayout layout(odd_table(), {2, 0, 1}, 2, 100);
  EXPECT_THROW((void)layout.find("nothing"), Error);
  EXPECT_THROW((void)layout.owned_pieces(2, 0), Error);
  EXPECT_THROW((void)layout.owned_pieces(0, 2), Error);
}

TEST(ParamLayout, AnEmptyTableHasAnEmptyLayout) {
  const ParamLayout layout({}, {}, 2, 100);
  EXPECT_EQ(layout.flat_count(), 0);
  EXPECT_TRUE(layout.buckets().empty());
  EXPECT_TRUE(layout.owned_pieces(1, 0).empty());
}

// The global position written out dimension by dimension.
std::int64_t expected_index(const ParamSpec& s, int shard, int shards, std::int64_t i) {
  const Shape local = shard_shape(s, shards);
  std::array<std::int64_t, Shape::kMaxDims> at{};
  for (int d = local.dims() - 1; d >= 0; --d) {
    at[static_cast<std::size_t>(d)] = i % local[d];
    i /= local[d];
  }
  int dim = 0;
  if (s.split == Split::columns) dim = s.shape.dims() - 1;
  if (s.split == Split::heads) dim = 1;
  if (s.split != Split::none) at[static_cast<std::size_t>(dim)] += shard * local[dim];
  std::int64_t index = 0;
  for (int d = 0; d < s.shape.dims(); ++d) {
    if (at[static_cast<std::size_t>(d)] >= s.shape[d]) return -1;
    index = index * s.shape[d] + at[static_cast<std::size_t>(d)];
  }
  return index;
}

TEST(GlobalIndex, AgreesWithTheDimensionWiseFormula) {
  for (const ParamSpec& s : odd_table()) {
    for (const int shards : {1, 2, 4}) {
      if (s.split == Split::none && shards > 1) continue;
      for (int shard = 0; shard < shards; ++shard) {
        for (std::int64_t i = 0; i < shard_shape(s, shards).count(); ++i) {
          ASSERT_EQ(global_index(s, shard, shards, i), expected_index(s, shard, shards, i)) << s.name << " " << i;
        }
      }
    }
  }
}

TEST(GlobalIndex, RefusesElementsAndShardsThatAreNotThere) {
  const ParamSpec s = spec("up", {20, 12}, Split::rows);
  EXPECT_THROW(global_index(s, 0, 2, 120), Error);
  EXPECT_THROW(global_index(s, 0, 2, -1), Error);
  EXPECT_THROW(global_index(s, 2, 2, 0), Error);
  EXPECT_THROW(global_index(spec("gamma", {12}), 0, 2, 0), Error);
  EXPECT_THROW(global_runs(s, 0, 2, 100, 21), Error);
}

TEST(GlobalRuns, AgreeWithGlobalIndexElementByElementAndAreLongest) {
  for (const ParamSpec& s : odd_table()) {
    for (const int shards : {1, 2, 4}) {
      if (s.split == Split::none && shards > 1) continue;
      const std::int64_t n = shard_shape(s, shards).count();
      for (int shard = 0; shard < shards; ++shard) {
        for (const auto& [begin, count] :
             {std::pair{std::int64_t{0}, n}, {n / 3, n / 2}, {n - 1, std::int64_t{1}}, {n / 2, std::int64_t{0}}}) {
          std::int64_t next = begin;
          std::int64_t before = -2;  // the global index that would continue the last run
          for (const GlobalRun& run : global_runs(s, shard, shards, begin, count)) {
            ASSERT_EQ(run.shard_begin, next);
            ASSERT_GT(run.count, 0);
            ASSERT_NE(run.global_begin, before) << "two runs where one would do";
            for (std::int64_t i = 0; i < run.count; ++i) {
              const std::int64_t expected = run.global_begin < 0 ? -1 : run.global_begin + i;
              ASSERT_EQ(global_index(s, shard, shards, run.shard_begin + i), expected) << s.name;
            }
            next += run.count;
            before = run.global_begin < 0 ? -1 : run.global_begin + run.count;
          }
          ASSERT_EQ(next, begin + count);
        }
      }
    }
  }
}

}  // namespace
}  // namespace phalanx
