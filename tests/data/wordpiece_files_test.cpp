// Files of WordPiece tokenizers: what is written is read back, and broken ones are refused by name.
#include "data/tokenizer/wordpiece_files.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "data/inspect.h"
#include "data/prepare.h"
#include "data/shard_reader.h"
#include "data/tokenizer/tokenizer_folder.h"
#include "tests/data/temporary_folder.h"
#include "tests/data/wordpiece_fixture.h"

namespace phalanx::data {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_wordpiece;

const std::string kVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nThe\nthe\n##s\nécole\necole\n中国\n";

json small_tokenizer_json() {
  json vocabulary;
  for (const char* token : {"The", "the", "##s", "école", "ecole", "中国"}) vocabulary[token] = vocabulary.size() + 5;
  json added = json::array();
  for (std::size_t id = 0; id < kSpecials.size(); ++id) {
    vocabulary[kSpecials[id]] = id;
    added.push_back({{"id", id}, {"content", kSpecials[id]}, {"special", true}});
  }
  return {{"version", "1.0"},
          {"added_tokens", added},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", vocabulary}}}};
}

std::string error_of_json(const json& tokenizer) {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", tokenizer.dump());
  return error_of([&] { load_tokenizer(folder.path()); });
}

std::string error_of_files(const std::string& vocabulary, const std::string& configuration = "{}") {
  const TemporaryFolder folder;
  folder.write("vocab.txt", vocabulary);
  folder.write("tokenizer_config.json", configuration);
  return error_of([&] { load_tokenizer(folder.path()); });
}

std::vector<TokenId> ids_with(const std::string& configuration, std::string_view text) {
  const TemporaryFolder folder;
  folder.write("vocab.txt", kVocabulary);
  folder.write("tokenizer_config.json", configuration);
  return encode(*load_tokenizer(folder.path()), text);
}

TEST(WordPieceFiles, WhatIsSavedIsReadBackWithItsOptions) {
  for (int options = 0; options < 8; ++options) {
    const BertTextOptions text{(options & 1) != 0, (options & 2) != 0, (options & 4) != 0};
    const TemporaryFolder folder;
    const WordPieceTokenizer saved(train_wordpiece({.vocabulary = 100, .text = text}, pieces({kSampleText})).model);
    save_tokenizer_folder(saved, folder.path());
    const auto read = load_tokenizer(folder.path());
    EXPECT_EQ(read->digest(), saved.digest()) << options;
    EXPECT_EQ(read->kind(), "wordpiece");
    EXPECT_EQ(encode(*read, kSampleText), encode(saved, kSampleText)) << options;
  }
}

TEST(WordPieceFiles, AVocabularyAloneIsUncased) {
  const TemporaryFolder folder;
  folder.write("vocab.txt", kVocabulary);
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->vocabulary(), 11);
  EXPECT_THAT(encode(*tokenizer, "Thes École"), ElementsAre(6, 7, 9));
}

TEST(WordPieceFiles, TheConfigurationIsObeyed) {
  EXPECT_THAT(ids_with("{}", "The École"), ElementsAre(6, 9));
  EXPECT_THAT(ids_with(R"({"do_lower_case": false})", "The école"), ElementsAre(5, 8));
  EXPECT_THAT(ids_with(R"({"do_lower_case": false, "strip_accents": true})", "The école"), ElementsAre(5, 9));
  EXPECT_THAT(ids_with(R"({"strip_accents": false})", "École"), ElementsAre(8));
  EXPECT_THAT(ids_with(R"({"strip_accents": null})", "École"), ElementsAre(9));
  EXPECT_THAT(ids_with("{}", "中国"), ElementsAre(kUnk, kUnk));
  EXPECT_THAT(ids_with(R"({"tokenize_chinese_chars": false})", "中国"), ElementsAre(10));
}

TEST(WordPieceFiles, TheDigestKnowsTheContentAndNotTheForm) {
  const TemporaryFolder lines;
  lines.write("vocab.txt", "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\nThe\r\nthe\r\n##s\r\nécole\r\necole\r\n中国");
  const TemporaryFolder single;
  single.write("tokenizer.json", small_tokenizer_json().dump(1));
  const std::string digest = load_tokenizer(lines.path())->digest();
  EXPECT_EQ(load_tokenizer(single.path())->digest(), digest);
  lines.write("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_NE(load_tokenizer(lines.path())->digest(), digest);
}

TEST(WordPieceFiles, TokenizerJsonOfTheFirstVersionsStatesNoType) {
  json file = small_tokenizer_json();
  file["model"].erase("type");
  file["normalizer"]["strip_accents"] = false;
  const TemporaryFolder folder;
  folder.write("tokenizer.json", file.dump());
  EXPECT_THAT(encode(*load_tokenizer(folder.path()), "Thes École"), ElementsAre(6, 7, 8));
}

TEST(WordPieceFilesRefuse, LinesThatAreNoToken) {
  EXPECT_THAT(error_of_files("[PAD]\n\n[UNK]\n"), AllOf(HasSubstr("vocab.txt:2"), HasSubstr("line is empty")));
  EXPECT_THAT(error_of_files(kVocabulary + "the\n"), HasSubstr("token 'the' appears twice, as id 6 and 11"));
  EXPECT_THAT(error_of_files(kVocabulary + "\xff\n"), HasSubstr("the token of id 11 is not valid UTF-8"));
  EXPECT_THAT(error_of_files(""), AllOf(HasSubstr("vocab.txt"), HasSubstr("has no token [PAD]")));
}

TEST(WordPieceFilesRefuse, AVocabularyWithoutASpecialToken) {
  for (const std::string& special : kSpecials) {
    std::string text = kVocabulary;
    text[text.find(special)] = 'x';
    EXPECT_THAT(error_of_files(text), HasSubstr("has no token " + special));
  }
}

TEST(WordPieceFilesRefuse, ConfigurationsOfOtherTokenizersByName) {
  const auto with = [](const char* configuration) { return error_of_files(kVocabulary, configuration); };
  EXPECT_THAT(with(R"({"tokenizer_class": "BertJapaneseTokenizer"})"),
              AllOf(HasSubstr("tokenizer_config.json"), HasSubstr("BertJapaneseTokenizer is not supported")));
  EXPECT_THAT(with(R"({"tokenizer_class": 5})"), HasSubstr("tokenizer_class must be a string"));
  EXPECT_THAT(with(R"({"do_basic_tokenize": false})"), HasSubstr("do_basic_tokenize is false"));
  EXPECT_THAT(with(R"({"clean_text": false})"), HasSubstr("clean_text is false"));
  EXPECT_THAT(with(R"({"never_split": ["the"]})"), HasSubstr("never_split is [\"the\"]"));
  EXPECT_THAT(with(R"({"unk_token": "<unk>"})"), HasSubstr("unk_token is \"<unk>\""));
  EXPECT_THAT(with(R"({"mask_token": {"content": "<mask>"}})"), HasSubstr("mask_token is \"<mask>\""));
  EXPECT_THAT(with(R"({"do_lower_case": "yes"})"), HasSubstr("do_lower_case must be true or false"));
  EXPECT_THAT(with(R"({"added_tokens_decoder": {"11": {"content": "[ENT]"}}})"), HasSubstr("\"[ENT]\" is not one of"));
  EXPECT_THAT(with("[]"), HasSubstr("must be an object"));
  EXPECT_THAT(with("{"), HasSubstr("not valid JSON"));
}

TEST(WordPieceFilesRefuse, OneByteChangedIsAnErrorOrAnotherDigest) {
  const TemporaryFolder folder;
  folder.write("vocab.txt", kVocabulary);
  const std::string digest = load_tokenizer(folder.path())->digest();
  for (std::size_t i = 0; i < kVocabulary.size(); ++i) {
    std::string changed = kVocabulary;
    changed[i] = static_cast<char>(changed[i] ^ 0x13);
    folder.write("vocab.txt", changed);
    try {
      EXPECT_NE(load_tokenizer(folder.path())->digest(), digest) << "byte " << i;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("vocab.txt")) << "byte " << i;
    }
  }
}

TEST(WordPieceJsonRefuses, WhatIsNotBertsByName) {
  const auto with = [](const char* pointer, const json& value) {
    json file = small_tokenizer_json();
    file[json::json_pointer(pointer)] = value;
    return error_of_json(file);
  };
  EXPECT_THAT(with("/normalizer", nullptr), HasSubstr("has no normalizer"));
  EXPECT_THAT(with("/normalizer/type", "NFKC"), HasSubstr("normalizer NFKC is not supported; BertNormalizer is"));
  EXPECT_THAT(with("/normalizer/clean_text", false), HasSubstr("normalizer.clean_text is false"));
  EXPECT_THAT(with("/normalizer/lowercase", 1), HasSubstr("normalizer.lowercase must be true or false"));
  EXPECT_THAT(with("/pre_tokenizer", nullptr), HasSubstr("has no pre_tokenizer"));
  EXPECT_THAT(with("/pre_tokenizer/type", "Whitespace"), HasSubstr("pre_tokenizer Whitespace is not supported"));
  EXPECT_THAT(with("/model/unk_token", "<unk>"), HasSubstr("model.unk_token is \"<unk>\""));
  EXPECT_THAT(with("/model/continuing_subword_prefix", "@@"), HasSubstr("model.continuing_subword_prefix is \"@@\""));
  EXPECT_THAT(with("/model/max_input_chars_per_word", 50), HasSubstr("model.max_input_chars_per_word is 50"));
  EXPECT_THAT(with("/model/type", "Unigram"), HasSubstr("model.type Unigram is not supported; BPE and WordPiece are"));
  EXPECT_THAT(with("/model/vocab/the", 99), HasSubstr("'the' has id 99; the ids of 11 tokens must be 0 to 10"));
  EXPECT_THAT(with("/model/vocab/the", 5), HasSubstr("id 5 is given to two tokens"));
  EXPECT_THAT(with("/model/vocab/the", "6"), HasSubstr("the id of token 'the' is not an integer"));
  EXPECT_THAT(with("/model/vocab", 3), HasSubstr("model.vocab must be an object"));
  EXPECT_THAT(with("/model/vocab/a\nb", 11), HasSubstr("the token of id 11 holds a line break"));
  EXPECT_THAT(with("/added_tokens/0/special", false), HasSubstr("added token '[PAD]' is not special"));
  EXPECT_THAT(with("/added_tokens/5", {{"id", 11}, {"content", "[ENT]"}, {"special", true}}),
              HasSubstr("added token '[ENT]' is not one of BERT's"));
}

TEST(WordPieceShards, DocumentsEndWithoutATokenAndAreDecoded) {
  const TemporaryFolder folder;
  const WordPieceTokenizer tokenizer(train_sample(100).model);
  PrepareOptions options;
  options.text.inputs = {folder.write("a.txt", "The cat.\n\nsat  on\xff the\n\n\x01\n\nMAT\n")};
  options.text.split = TextSplit::blank_line;
  options.output = folder.path() + "/out";
  const PrepareReport report = prepare(options, tokenizer);
  EXPECT_EQ(report.train.documents, 3);
  EXPECT_EQ(report.empty_documents, 1) << "a document of which nothing is left";
  const Inspection inspection = inspect(options.output + "/train", 3);
  EXPECT_EQ(inspection.manifest.tokenizer_kind, "wordpiece");
  EXPECT_EQ(inspection.manifest.end_of_text, -1);
  EXPECT_EQ(inspection.manifest.special_tokens.at("[MASK]"), 4);
  EXPECT_EQ(inspection.manifest.tokens, static_cast<std::int64_t>(encode(tokenizer, "the cat. sat on the mat").size()));
  ASSERT_EQ(inspection.samples.size(), 3U);
  EXPECT_EQ(inspection.samples[0].text, "the cat .");
  EXPECT_EQ(inspection.samples[1].text, "sat on the");
  EXPECT_EQ(inspection.samples[2].text, "mat");
}

}  // namespace
}  // namespace phalanx::data
