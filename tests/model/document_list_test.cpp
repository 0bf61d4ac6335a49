#include "model/layers/document_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace phalanx {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Rows of documents by their lengths.
Batch batch_of(int T, const std::vector<std::vector<int>>& rows) {
  Batch batch;
  batch.resize(static_cast<int>(rows.size()), T);
  std::size_t i = 0;
  for (const std::vector<int>& row : rows) {
    int begin = 0;
    for (const int length : row) {
      for (int t = begin; t < begin + length; ++t, ++i) {
        batch.document_begin[i] = begin;
        batch.document_end[i] = begin + length;
      }
      begin += length;
    }
  }
  return batch;
}

TEST(DocumentList, WholeSequencesAreNoList) {
  const DocumentList list = list_documents(batch_of(5, {{5}, {5}}));
  EXPECT_TRUE(list.whole);
  EXPECT_THAT(list.lengths, IsEmpty());
}

TEST(DocumentList, PackedDocumentsFollowEachOtherInMemory) {
  const DocumentList list = list_documents(batch_of(6, {{2, 4}, {6}, {1, 2, 3}}));
  EXPECT_FALSE(list.whole);
  EXPECT_THAT(list.lengths, ElementsAre(2, 4, 6, 1, 2, 3));
  EXPECT_THAT(list.starts, ElementsAre(0, 2, 6, 12, 13, 15, 18));
}

TEST(DocumentList, EmptyDocumentsAtTheEndFillTheLastRun) {
  const DocumentList list = list_documents(batch_of(4, {{3, 1}, {4}}));
  EXPECT_THAT(list.lengths, ElementsAre(3, 1, 4, 0));
  EXPECT_THAT(list.starts, ElementsAre(0, 3, 4, 8, 8));
}

TEST(DocumentList, AsManyDocumentsAsTokensAreTheMost) {
  const Batch batch = batch_of(3, {{1, 1, 1}, {1, 1, 1}});
  EXPECT_EQ(static_cast<std::int64_t>(list_documents(batch).lengths.size()), most_documents(batch));
}

TEST(DocumentList, BoundsThatAreNoDocumentsGiveNothing) {
  const Batch good = batch_of(6, {{2, 4}});
  const auto nothing = [&](auto&& change) {
    Batch batch = good;
    change(batch);
    const DocumentList list = list_documents(batch);
    EXPECT_FALSE(list.whole);
    EXPECT_THAT(list.lengths, IsEmpty());
    EXPECT_THAT(list.starts, IsEmpty());
  };
  nothing([](Batch& b) { b.document_end[5] = 7; });                             // beyond the row
  nothing([](Batch& b) { b.document_end[3] = 5; });                             // not what its neighbours say
  nothing([](Batch& b) { b.document_begin[4] = 0; });                           // overlaps the first
  nothing([](Batch& b) { b.document_begin[1] = b.document_end[1] = 1; });       // sees nothing
  nothing([](Batch& b) { b.document_end.assign(b.document_end.size(), -1); });  // no end at all
}

}  // namespace
}  // namespace phalanx
