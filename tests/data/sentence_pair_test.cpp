// Pairs of segments: where they are cut, where the other half comes from, how many and how long.
#include "data/sentence_pair.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "data/loader.h"
#include "tests/data/masked_fixture.h"
#include "tests/data/temporary_folder.h"

namespace phalanx::data {
namespace {

constexpr int kT = 64;
constexpr std::int64_t kRoom = kT - 3;

// Where the documents and sentences of a stream are, by the ids of their tokens.
struct StreamMap {
  explicit StreamMap(const std::vector<StreamDocument>& documents) {
    std::int64_t next = kFirstId;
    for (std::size_t d = 0; d < documents.size(); ++d) {
      for (const std::int64_t length : documents[d].sentences) {
        begins.insert(next);
        for (std::int64_t i = 0; i < length; ++i) document.push_back(d);
        next += length;
      }
    }
  }
  [[nodiscard]] std::size_t of(std::int32_t id) const { return document.at(static_cast<std::size_t>(id - kFirstId)); }
  std::vector<std::size_t> document;
  std::set<std::int64_t> begins;  // of sentences
};

struct Segments {
  std::vector<std::int32_t> a, b;
};

// Reads [CLS] A [SEP] B [SEP] [PAD]..., checking that the row is one.
Segments segments_of(const MaskedRow& row) {
  Segments s;
  EXPECT_EQ(row.restored[0], kCls);
  std::size_t t = 1;
  while (row.restored[t] != kSep) s.a.push_back(row.restored[t++]);
  const std::size_t second = ++t;
  while (row.restored[t] != kSep) s.b.push_back(row.restored[t++]);
  const std::size_t end = ++t;
  for (std::size_t i = 0; i < row.tokens.size(); ++i) {
    EXPECT_EQ(row.types[i], i >= second && i < end ? 1 : 0);
    EXPECT_EQ(row.begins[i], static_cast<std::int32_t>(i < end ? 0 : end));
    EXPECT_EQ(row.ends[i], static_cast<std::int32_t>(i < end ? end : row.tokens.size()));
    if (i >= end) {
      EXPECT_EQ(row.restored[i], kPad);
    }
  }
  return s;
}

bool is_run(const std::vector<std::int32_t>& ids) {
  return !ids.empty() && ids.back() - ids.front() + 1 == static_cast<std::int32_t>(ids.size());
}

double bound(double share, double n) { return 5 * std::sqrt(share * (1 - share) / n); }

class SentencePairTest : public testing::Test {
 protected:
  std::vector<MaskedRow> rows(const std::vector<StreamDocument>& documents, int count, bool keep_sentences = true) {
    const std::string folder = temporary_.path() + "/pairs";
    write_stream(folder, documents, keep_sentences);
    LoaderOptions options;
    options.sources = {{folder, 1}};
    options.seed = 31;
    options.context = kT;
    options.global_batch = options.micro_batch = count;
    options.masked = masked_lm(kStreamVocabulary);
    options.masked->next_sentence = true;
    std::vector<MaskedRow> result;
    Loader loader(options);
    append_masked_rows(loader.next().micro[0], result);
    return result;
  }
  TemporaryFolder temporary_;
};

TEST_F(SentencePairTest, HalfFollowAndATenthAreShort) {
  std::vector<StreamDocument> documents(30);  // long ones: nearly every window lies in one
  for (std::size_t d = 0; d < documents.size(); ++d) {
    for (std::size_t s = 0; s < 400; ++s) {
      documents[d].sentences.push_back(4 + static_cast<std::int64_t>((d + s * 7) % 15));
    }
  }
  const StreamMap map(documents);
  constexpr int kCount = 20000;  // 1.2 million tokens
  double followed = 0, is_short = 0, other_documents = 0;
  std::map<std::size_t, double> others;
  for (const MaskedRow& row : rows(documents, kCount)) {
    const Segments s = segments_of(row);
    ASSERT_TRUE(is_run(s.a) && is_run(s.b));
    ASSERT_EQ(map.of(s.a.front()), map.of(s.a.back()));
    ASSERT_EQ(map.of(s.b.front()), map.of(s.b.back()));
    const bool same = map.of(s.a.front()) == map.of(s.b.front());
    ASSERT_EQ(row.label, same ? 0 : 1);
    followed += same ? 1 : 0;
    if (!same) ++others[map.of(s.b.front())];
    const auto tokens = static_cast<std::int64_t>(s.a.size() + s.b.size());
    ASSERT_LE(tokens, kRoom);
    if (tokens > kRoom - 20) {  // only short pairs and those at the end of a document are shorter
      other_documents += same ? 0 : 1;
    } else {
      is_short += 1;
    }
    if (tokens == kRoom) {
      ASSERT_TRUE(map.begins.contains(s.b.front())) << "cut where no sentence begins";
      if (same) {
        ASSERT_EQ(s.b.front(), s.a.back() + 1);
      }
    }
  }
  EXPECT_NEAR(followed / kCount, 0.5, bound(0.5, kCount));
  // Lengths are drawn from 2 to 61: 40 of 60 of them are at most 41. A window in 10 documents' ends may be as short.
  EXPECT_NEAR(is_short / kCount, 0.1 * 40 / 60, bound(0.0667, kCount) + 0.004);
  EXPECT_NEAR(other_documents / (kCount - is_short), 0.5, bound(0.5, kCount)) << "the length tells nothing";
  EXPECT_EQ(others.size(), documents.size()) << "every document is met";
}

TEST_F(SentencePairTest, DocumentsOfAllLengthsGiveSoundPairs) {
  std::vector<StreamDocument> documents(900);
  for (std::size_t d = 0; d < documents.size(); ++d) {
    for (std::size_t s = 0; s <= d * d % 23; ++s) {
      documents[d].sentences.push_back(1 + static_cast<std::int64_t>((d * 3 + s * 5) % 13));
    }
  }
  const StreamMap map(documents);
  int pairs = 0;
  for (const MaskedRow& row : rows(documents, 4000)) {
    if (row.label == Batch::kIgnore) continue;
    ++pairs;
    const Segments s = segments_of(row);
    ASSERT_TRUE(is_run(s.a) && is_run(s.b));
    ASSERT_EQ(map.of(s.a.front()), map.of(s.a.back()));
    ASSERT_EQ(map.of(s.b.front()), map.of(s.b.back()));
    ASSERT_EQ(row.label, map.of(s.a.front()) == map.of(s.b.front()) ? 0 : 1);
  }
  EXPECT_GT(pairs, 3990);
}

TEST_F(SentencePairTest, WithoutASentenceInsideACutIsAnywhere) {
  const std::vector<StreamDocument> documents(4, {{3000}});
  const StreamMap map(documents);
  std::set<std::size_t> lengths;
  for (const MaskedRow& row : rows(documents, 4000)) {
    const Segments s = segments_of(row);
    ASSERT_TRUE(is_run(s.a) && is_run(s.b));
    ASSERT_EQ(row.label, map.of(s.a.front()) == map.of(s.b.front()) ? 0 : 1);
    if (s.a.size() + s.b.size() == kRoom) lengths.insert(s.a.size());
  }
  EXPECT_EQ(lengths.size(), static_cast<std::size_t>(kRoom - 1)) << "A has 1 to 60 tokens";
}

TEST_F(SentencePairTest, TheOtherHalfIsFoundHoweverSmall) {
  const std::vector<StreamDocument> documents = {{std::vector<std::int64_t>(1000, 11)}, {{40}}, {{80}}};
  const StreamMap map(documents);
  double other = 0;
  for (const MaskedRow& row : rows(documents, 2000)) {
    const Segments s = segments_of(row);
    ASSERT_EQ(row.label, map.of(s.a.front()) == map.of(s.b.front()) ? 0 : 1);
    other += row.label;
  }
  EXPECT_NEAR(other / 2000, 0.5, bound(0.5, 2000));
}

TEST_F(SentencePairTest, OfASingleTokenPredictsNothing) {
  const std::vector<StreamDocument> documents(400, {{1}});
  for (const MaskedRow& row : rows(documents, 12)) {
    EXPECT_EQ(row.label, Batch::kIgnore);
    EXPECT_EQ(row.tokens, std::vector<std::int32_t>(kT, kPad));
    EXPECT_EQ(row.targets, std::vector<std::int32_t>(10, Batch::kIgnore));
    EXPECT_EQ(row.types, std::vector<std::int32_t>(kT, 0));
  }
}

TEST_F(SentencePairTest, WithoutAnotherDocumentInAWindowBFollows) {
  const std::vector<StreamDocument> documents = {{{305}}, {{20}}};  // 5 windows of 61; the second lies behind them
  for (const MaskedRow& row : rows(documents, 50)) EXPECT_EQ(row.label, 0);
}

}  // namespace
}  // namespace phalanx::data
