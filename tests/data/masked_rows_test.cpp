// Windows as rows of masked batches, through the loader and the evaluation.
#include "data/masked_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "data/evaluation_batches.h"
#include "data/loader.h"
#include "data/prepare.h"
#include "data/tokenizer/bpe.h"
#include "tests/data/bpe_fixture.h"
#include "tests/data/masked_fixture.h"
#include "tests/data/temporary_folder.h"
#include "tests/data/wordpiece_fixture.h"

namespace phalanx::data {
namespace {

using testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

// Documents of 1 to 300 tokens in sentences of 1 to 23.
std::vector<StreamDocument> mixed_documents() {
  std::vector<StreamDocument> documents(400);
  for (std::size_t d = 0; d < documents.size(); ++d) {
    for (std::size_t s = 0; s <= d * d % 31; ++s) {
      documents[d].sentences.push_back(1 + static_cast<std::int64_t>((d * 5 + s * 11) % 23));
    }
  }
  return documents;
}

std::vector<MaskedRow> rows_of(const LoaderOptions& options, int steps) {
  Loader loader(options);
  std::vector<MaskedRow> rows;
  for (int s = 0; s < steps; ++s) {
    for (const Batch& batch : loader.next().micro) append_masked_rows(batch, rows);
  }
  return rows;
}

class MaskedRowsTest : public testing::Test {
 protected:
  MaskedRowsTest() {
    write_stream(a_, mixed_documents());
    write_stream(b_, std::vector<StreamDocument>(70, {{9, 40, 3, 61}}));
    options_.sources = {{a_, 3}, {b_, 1}};
    options_.seed = 17;
    options_.context = 31;
    options_.global_batch = 12;
    options_.micro_batch = 3;
    options_.masked = masked_lm(kStreamVocabulary);
  }
  std::vector<MaskedRow> evaluated(const std::string& path, int context, bool document_attention = true) {
    std::vector<MaskedRow> rows;
    for (const Batch& batch :
         evaluation_batches(path, context, 1 << 20, 4, 0, 1, document_attention, options_.masked)) {
      append_masked_rows(batch, rows);
    }
    return rows;
  }
  TemporaryFolder temporary_;
  std::string a_ = temporary_.path() + "/a", b_ = temporary_.path() + "/b", c_ = temporary_.path() + "/c";
  LoaderOptions options_;
};

TEST_F(MaskedRowsTest, DocumentsBecomeSequencesOfTheirOwn) {
  write_stream(c_, {{{4}}, {{2, 1}}, {{9}}});  // ids 5-8, 9-11, 12-20
  const auto rows = evaluated(c_, 10);         // windows 5-12, 13-20
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].restored, (Ids{kCls, 5, 6, 7, 8, kSep, kCls, 9, 10, kSep})) << "11 and 12 do not fit";
  EXPECT_EQ(rows[0].positions, (Ids{0, 1, 2, 3, 4, 5, 0, 1, 2, 3}));
  EXPECT_EQ(rows[0].begins, (Ids{0, 0, 0, 0, 0, 0, 6, 6, 6, 6}));
  EXPECT_EQ(rows[0].ends, (Ids{6, 6, 6, 6, 6, 6, 10, 10, 10, 10}));
  EXPECT_EQ(rows[1].restored, (Ids{kCls, 13, 14, 15, 16, 17, 18, 19, 20, kSep}));
  EXPECT_EQ(rows[1].ends, Ids(10, 10));
  EXPECT_TRUE(rows[0].types.empty());
  EXPECT_EQ(rows[3].tokens, Ids(10, kPad)) << "the batch is filled up";
  EXPECT_EQ(rows[3].targets, Ids(2, Batch::kIgnore));
  EXPECT_EQ(rows[3].slots, Ids(2, 0));
}

TEST_F(MaskedRowsTest, WhatIsLeftIsPaddingThatNothingSees) {
  write_stream(c_, {{{4}}, {{3}}, {{3}}, {{2}}});
  const auto rows = evaluated(c_, 12);  // ids 5-8, 9-11, 12-14
  EXPECT_EQ(rows[0].restored, (Ids{kCls, 5, 6, 7, 8, kSep, kCls, 9, 10, 11, kSep, kPad}));
  EXPECT_EQ(rows[0].positions.back(), 0);
  EXPECT_EQ(rows[0].begins.back(), 11);
  EXPECT_EQ(rows[0].ends, (Ids{6, 6, 6, 6, 6, 6, 11, 11, 11, 11, 11, 12}));
}

TEST_F(MaskedRowsTest, WithoutDocumentAttentionAWindowIsOneSequence) {
  write_stream(c_, {{{4}}, {{2, 1}}, {{9}}});
  const auto rows = evaluated(c_, 10, false);
  EXPECT_EQ(rows[0].restored, (Ids{kCls, 5, 6, 7, 8, 9, 10, 11, 12, kSep}));
  EXPECT_EQ(rows[0].positions.back(), 9);
  EXPECT_EQ(rows[0].ends, Ids(10, 10));
}

TEST_F(MaskedRowsTest, CountsAreThoseOfTheRows) {
  for (const bool pairs : {false, true}) {
    options_.masked->next_sentence = pairs;
    Loader loader(options_);
    for (int s = 0; s < 10; ++s) {
      const StepBatch& step = loader.next();
      std::int64_t predicted = 0, labels = 0, tokens = 0;
      std::vector<MaskedRow> rows;
      for (const Batch& batch : step.micro) {
        EXPECT_EQ(batch.P, 5) << "round(0.15 * 31)";
        append_masked_rows(batch, rows);
      }
      for (const MaskedRow& row : rows) {
        predicted += 5 - std::ranges::count(row.targets, Batch::kIgnore);
        labels += row.label != Batch::kIgnore ? 1 : 0;
        tokens += 31 - std::ranges::count(row.restored, kPad);
      }
      EXPECT_EQ(step.predicted, predicted);
      EXPECT_EQ(step.predicted_pairs, labels);
      EXPECT_EQ(step.tokens, tokens);
    }
  }
}

// The documents of the restored row, by its bounds alone.
void expect_sound(const MaskedRow& row, double mask_probability) {
  std::int64_t ordinary = 0;
  const auto T = static_cast<std::int32_t>(row.tokens.size());
  for (std::int32_t begin = 0; begin < T; begin = row.ends[static_cast<std::size_t>(begin)]) {
    const auto b = static_cast<std::size_t>(begin);
    const auto e = static_cast<std::size_t>(row.ends[b]);
    ASSERT_GT(e, b);
    for (std::size_t t = b; t < e; ++t) {
      ASSERT_EQ(row.begins[t], begin);
      ASSERT_EQ(row.positions[t], static_cast<std::int32_t>(t - b));
      const bool is_special = t == b || t + 1 == e;
      if (row.restored[b] == kPad) {
        ASSERT_EQ(row.restored[t], kPad);
        ASSERT_EQ(e, row.tokens.size()) << "padding stands at the end";
      } else if (is_special) {
        ASSERT_EQ(row.restored[t], t == b ? kCls : kSep);
      } else {
        ASSERT_GE(row.restored[t], kFirstId);
        ASSERT_TRUE(t == b + 1 || row.restored[t] == row.restored[t - 1] + 1) << "a part of one document";
        ++ordinary;
      }
    }
  }
  const auto predicted = std::ranges::count_if(row.targets, [](std::int32_t id) { return id != Batch::kIgnore; });
  ASSERT_EQ(predicted, ordinary == 0 ? 0 : std::max<std::int64_t>(1, std::lround(mask_probability * ordinary)));
  for (std::size_t i = 0; i < row.slots.size(); ++i) {
    if (row.targets[i] == Batch::kIgnore) {
      ASSERT_EQ(row.slots[i], 0);
    }
  }
}

TEST_F(MaskedRowsTest, MasksAndAttentionNeverCrossDocuments) {
  options_.masked->span = 4;
  for (const double probability : {0.15, 0.4}) {
    options_.masked->mask_probability = probability;
    for (const MaskedRow& row : rows_of(options_, 300)) expect_sound(row, probability);
  }
}

TEST_F(MaskedRowsTest, LayoutsAndMicroBatchesChangeNothing) {
  for (const bool pairs : {false, true}) {
    options_.masked->next_sentence = pairs;
    options_.masked->whole_word = true;
    options_.micro_batch = 12;
    const int steps = 8;
    const std::vector<MaskedRow> all = rows_of(options_, steps);
    for (const auto& [ranks, micro] : std::vector<std::pair<int, int>>{{1, 4}, {2, 3}, {3, 2}, {4, 1}}) {
      LoaderOptions options = options_;
      options.data_ranks = ranks;
      options.micro_batch = micro;
      const int local = 12 / ranks;
      for (options.data_rank = 0; options.data_rank < ranks; ++options.data_rank) {
        const std::vector<MaskedRow> part = rows_of(options, steps);
        for (int s = 0; s < steps; ++s) {
          const auto begin = all.begin() + s * 12 + options.data_rank * local;
          EXPECT_EQ(std::vector<MaskedRow>(part.begin() + s * local, part.begin() + (s + 1) * local),
                    std::vector<MaskedRow>(begin, begin + local));
        }
      }
    }
    LoaderOptions resumed = options_;
    resumed.first_sequence = 60;
    EXPECT_EQ(rows_of(resumed, 3), std::vector<MaskedRow>(all.begin() + 60, all.begin() + 96)) << "resuming";
  }
}

TEST_F(MaskedRowsTest, AnotherEpochHidesOtherTokensOfAWindow) {
  write_stream(c_, {{{29}}});
  options_.sources = {{c_, 1}};
  const auto rows = rows_of(options_, 2);
  EXPECT_EQ(rows[0].restored, rows[1].restored) << "there is one window";
  EXPECT_NE(rows[0].slots, rows[1].slots);
}

TEST_F(MaskedRowsTest, EvaluationIsTheSameEveryTimeForAnyRanks) {
  for (const bool pairs : {false, true}) {
    options_.masked->next_sentence = pairs;
    std::vector<MaskedRow> all, parts;
    append_masked_rows(evaluation_batches(a_, 31, 50, 50, 0, 1, true, options_.masked)[0], all);
    for (int rank = 0; rank < 3; ++rank) {
      for (const Batch& batch : evaluation_batches(a_, 31, 50, 4, rank, 3, true, options_.masked)) {
        std::vector<MaskedRow> rows;
        append_masked_rows(batch, rows);
        for (const MaskedRow& row : rows) {
          if (row.restored != Ids(31, kPad)) parts.push_back(row);
        }
      }
    }
    EXPECT_EQ(parts, all);
  }
}

TEST_F(MaskedRowsTest, WhatDoesNotFitTheObjectiveIsRefused) {
  const auto refused = [&](const std::function<void(LoaderOptions&)>& edit) {
    LoaderOptions options = options_;
    edit(options);
    return error_of([&] { const Loader loader(options); });
  };
  write_stream(c_, mixed_documents(), false);
  EXPECT_THAT(refused([&](auto& o) {
                o.sources = {{c_, 1}};
                o.masked->next_sentence = true;
              }),
              HasSubstr(c_ + "/shard_00000.h5: has no /sentence_offsets, which objective.next_sentence needs: run "
                             "`phalanx data prepare` again with a wordpiece tokenizer"));
  const std::string one = temporary_.path() + "/one";
  write_stream(one, {{{50, 50}}});
  EXPECT_THAT(refused([&](auto& o) {
                o.sources = {{one, 1}};
                o.masked->next_sentence = true;
              }),
              HasSubstr(one + ": has a single document"));
  EXPECT_THAT(refused([](auto& o) { o.masked = masked_lm(300); }), HasSubstr("200000 ids is not the 300"));
  EXPECT_THAT(refused([](auto& o) { o.masked->mask_probability = 0; }), HasSubstr("objective.mask_probability"));
  EXPECT_THAT(refused([](auto& o) { o.masked->mask_probability = 1.5; }), HasSubstr("objective.mask_probability"));
  EXPECT_THAT(refused([](auto& o) { o.masked->mask_token = -0.1; }), HasSubstr("objective.mask_token"));
  EXPECT_THAT(refused([](auto& o) { o.masked->random_token = 0.3; }), HasSubstr("must not sum to more than 1"));
  EXPECT_THAT(refused([](auto& o) { o.masked->span = 0; }), HasSubstr("objective.span must be at least 1"));
  EXPECT_THAT(refused([](auto& o) { o.context = 2; }), HasSubstr("model.context (2) must be at least 3"));
  EXPECT_THAT(refused([](auto& o) {
                o.context = 4;
                o.masked->next_sentence = true;
              }),
              HasSubstr("model.context (4) must be at least 5 for masked_lm with next_sentence"));
  EXPECT_THAT(refused([](auto& o) { o.context = 150000; }), HasSubstr("hold no window of 149998: lower model.context"));
}

TEST(MaskedVocabulary, KnowsBertsSpecialTokensAndWords) {
  const WordPieceTokenizer tokenizer(testing_wordpiece::model_of({"a", "##a", "##"}));
  const MaskedVocabulary v = masked_vocabulary(tokenizer, "here");
  EXPECT_EQ((std::vector<TokenId>{v.pad, v.cls, v.sep, v.mask}), (std::vector<TokenId>{0, 2, 3, 4}));
  EXPECT_EQ(v.is_special, (std::vector<bool>{true, true, true, true, true, false, false, false}));
  EXPECT_EQ(v.continues_word, (std::vector<bool>{false, false, false, false, false, false, true, false}));
}

TEST(MaskedVocabulary, KnowsRobertasNamesAndRefusesATokenizerWithoutMask) {
  BpeModel model = testing_bpe::train_sample(300).model;
  EXPECT_THAT(error_of([&] { masked_vocabulary(BpeTokenizer(model), "gpt2"); }),
              HasSubstr("gpt2: its tokenizer (bpe) has no special token [MASK] or <mask>"));
  for (const std::string name : {"<s>", "<pad>", "</s>", "<mask>"}) {
    model.specials.push_back({name, static_cast<TokenId>(model.tokens.size())});
    model.tokens.push_back(name);
  }
  const BpeTokenizer tokenizer(model);
  const MaskedVocabulary v = masked_vocabulary(tokenizer, "here");
  EXPECT_EQ(tokenizer.token_text(v.cls), "<s>");
  EXPECT_EQ(tokenizer.token_text(v.sep), "</s>");
  EXPECT_EQ(tokenizer.token_text(v.pad), "<pad>");
  EXPECT_EQ(tokenizer.token_text(v.mask), "<mask>");
  const auto ids = testing_bpe::encode(tokenizer, " cat");
  EXPECT_FALSE(v.continues_word[static_cast<std::size_t>(ids.front())]);
  EXPECT_TRUE(v.continues_word[static_cast<std::size_t>(testing_bpe::encode(tokenizer, "s")[0])]);
}

TEST_F(MaskedRowsTest, TextPreparedWithWordPieceBecomesPairs) {
  std::string text;
  for (int d = 0; d < 60; ++d) {
    for (int s = 0; s < 9; ++s)
      text += testing_wordpiece::kSampleText.substr(static_cast<std::size_t>(s * 7 + d), 40) + ". ";
    text += "\n\n";
  }
  PrepareOptions prepared;
  prepared.output = temporary_.path() + "/prepared";
  prepared.text = {.inputs = {temporary_.write("in.txt", text)}, .split = TextSplit::blank_line};
  const WordPieceTokenizer tokenizer(testing_wordpiece::train_sample(100).model);
  prepare(prepared, tokenizer);
  const std::string folder = prepared.output + "/train";
  options_.masked = MaskedLm{.whole_word = true, .next_sentence = true, .vocabulary = read_masked_vocabulary(folder)};
  options_.sources = {{folder, 1}};
  std::int64_t labels = 0;
  for (const MaskedRow& row : rows_of(options_, 20)) {
    const std::string decoded = tokenizer.decode(row.restored);
    EXPECT_TRUE(decoded.starts_with("[CLS]")) << decoded;
    EXPECT_THAT(decoded, testing::ContainsRegex("\\[SEP\\].*\\[SEP\\]"));
    labels += row.label;
  }
  EXPECT_NEAR(static_cast<double>(labels), 120, 39) << "of 240, five standard deviations";
  write_text(folder + "/tokenizer/tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_THAT(error_of([&] { read_masked_vocabulary(folder); }),
              HasSubstr(folder + "/tokenizer: is not the tokenizer that made the tokens"));
}

TEST_F(MaskedRowsTest, TheStreamsOwnSeparatorIsNotDoubled) {
  std::filesystem::create_directories(c_);
  const ByteTokenizer tokenizer(kStreamVocabulary, false);
  ShardWriter writer({c_, "test", kLargeShards}, tokenizer);
  for (const Ids& document : {Ids{5, 6, kSep}, Ids{7, 8, 9, kSep}}) {
    writer.add_tokens(document);
    writer.end_document();
  }
  writer.finish();
  EXPECT_EQ(evaluated(c_, 9)[0].restored, (Ids{kCls, 5, 6, kSep, kCls, 7, 8, 9, kSep}));
}

TEST(PredictionsPerSequence, AreTheRoundedShareAndAtLeastOne) {
  EXPECT_EQ(predictions_per_sequence(128, 0.15), 19);
  EXPECT_EQ(predictions_per_sequence(512, 0.15), 77);
  EXPECT_EQ(predictions_per_sequence(3, 0.1), 1);
  EXPECT_EQ(predictions_per_sequence(10, 1.0), 10);
}

}  // namespace
}  // namespace phalanx::data
