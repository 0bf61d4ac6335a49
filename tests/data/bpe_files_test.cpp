// Files of tokenizers: what is written is read back, and broken ones are refused by name.
#include "data/tokenizer/bpe_files.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "data/tokenizer/byte_alphabet.h"
#include "data/tokenizer/tokenizer_folder.h"
#include "tests/data/bpe_fixture.h"
#include "tests/data/temporary_folder.h"

namespace phalanx::data {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using namespace testing_bpe;

// 256 bytes, "th", "the", and an end of text: ids 0 ... 258.
json small_vocabulary() {
  json vocabulary;
  for (const std::uint8_t byte : alphabet_order()) {
    const char character = static_cast<char>(byte);
    vocabulary[to_alphabet({&character, 1})] = vocabulary.size();
  }
  vocabulary["th"] = 256;
  vocabulary["the"] = 257;
  vocabulary["<|endoftext|>"] = 258;
  return vocabulary;
}

const std::string kMerges = "#version: 0.2\nt h\nth e\n";

json small_tokenizer_json() {
  return {{"version", "1.0"},
          {"added_tokens", {{{"id", 258}, {"content", "<|endoftext|>"}, {"special", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
          {"model", {{"type", "BPE"}, {"vocab", small_vocabulary()}, {"merges", {"t h", "th e"}}}}};
}

std::string error_of_pair(const json& vocabulary, const std::string& merges) {
  const TemporaryFolder folder;
  folder.write("vocab.json", vocabulary.dump());
  folder.write("merges.txt", merges);
  return error_of([&] { load_tokenizer(folder.path()); });
}

std::string error_of_json(const json& tokenizer) {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", tokenizer.dump());
  return error_of([&] { load_tokenizer(folder.path()); });
}

TEST(BpeFiles, WhatIsSavedIsReadBack) {
  const TemporaryFolder folder;
  const BpeTraining training =
      train_bpe({.vocabulary = 330, .specials = {"<|endoftext|>", "MARK é", "<pad>"}}, pieces({kSampleText}));
  const BpeTokenizer saved(training.model);
  saved.save(folder.path());
  const auto read = load_tokenizer(folder.path());
  EXPECT_EQ(read->digest(), saved.digest());
  EXPECT_EQ(read->kind(), "bpe");
  EXPECT_EQ(read->vocabulary(), 330);
  EXPECT_EQ(read->end_of_text(), 327);
  ASSERT_EQ(read->special_tokens().size(), 3U);
  EXPECT_EQ(read->special_tokens()[1].text, "MARK é");
  EXPECT_EQ(read->token_text(328), "MARK é");
  EXPECT_EQ(encode(*read, kSampleText), encode(saved, kSampleText));
}

TEST(BpeFiles, TheDigestKnowsTheContentAndNotTheForm) {
  const TemporaryFolder pair;
  pair.write("vocab.json", small_vocabulary().dump(4));
  pair.write("merges.txt", "t h\r\nth e");
  const TemporaryFolder single;
  single.write("tokenizer.json", small_tokenizer_json().dump());
  const std::string digest = load_tokenizer(pair.path())->digest();
  EXPECT_EQ(load_tokenizer(single.path())->digest(), digest);
  json other = small_vocabulary();
  std::swap(other["a"], other["b"]);
  pair.write("vocab.json", other.dump());
  EXPECT_NE(load_tokenizer(pair.path())->digest(), digest);
}

TEST(BpeFiles, TokenizerJsonGivesTheSameIds) {
  const TemporaryFolder folder;
  json file = small_tokenizer_json();
  file["model"]["merges"] = json::array({json::array({"t", "h"}), json::array({"th", "e"})});  // the younger form
  folder.write("tokenizer.json", file.dump());
  EXPECT_THAT(encode(*load_tokenizer(folder.path()), "the"), testing::ElementsAre(257));
}

TEST(BpeFiles, AddedTokensMayStandBehindTheVocabulary) {
  const TemporaryFolder folder;
  json file = small_tokenizer_json();
  file["model"]["vocab"].erase("<|endoftext|>");
  folder.write("tokenizer.json", file.dump());
  EXPECT_EQ(load_tokenizer(folder.path())->end_of_text(), 258);
}

TEST(BpeFilesRefuse, ATruncatedVocabulary) {
  const TemporaryFolder folder;
  folder.write("vocab.json", small_vocabulary().dump().substr(0, 1000));
  folder.write("merges.txt", kMerges);
  EXPECT_THAT(error_of([&] { load_tokenizer(folder.path()); }),
              AllOf(HasSubstr("vocab.json"), HasSubstr("not valid JSON")));
}

TEST(BpeFilesRefuse, EveryTruncationOfAVocabulary) {
  const TemporaryFolder folder;
  const std::string text = small_vocabulary().dump();
  folder.write("merges.txt", kMerges);
  for (std::size_t size = 0; size < text.size(); size += 13) {
    folder.write("vocab.json", text.substr(0, size));
    EXPECT_THAT(error_of([&] { load_tokenizer(folder.path()); }), HasSubstr("vocab.json")) << size << " bytes";
  }
}

TEST(BpeFilesRefuse, OneByteChangedIsAnErrorOrAnotherDigest) {
  const std::string text = small_vocabulary().dump();
  const TemporaryFolder folder;
  folder.write("merges.txt", kMerges);
  folder.write("vocab.json", text);
  const std::string digest = load_tokenizer(folder.path())->digest();
  for (std::size_t i = 0; i < text.size(); i += 11) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 0x11);
    folder.write("vocab.json", changed);
    try {
      EXPECT_NE(load_tokenizer(folder.path())->digest(), digest) << "byte " << i;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("vocab.json")) << "byte " << i;
    }
  }
}

TEST(BpeFilesRefuse, IdsThatAreNoNumbering) {
  json vocabulary = small_vocabulary();
  vocabulary["the"] = 256;
  EXPECT_THAT(error_of_pair(vocabulary, kMerges), HasSubstr("id 256 is given to two tokens"));
  vocabulary["the"] = 4000000000LL;
  EXPECT_THAT(error_of_pair(vocabulary, kMerges),
              HasSubstr("'the' has id 4000000000; the ids of 259 tokens must be 0 to 258"));
  vocabulary["the"] = 18446744073709551615ULL;
  EXPECT_THAT(error_of_pair(vocabulary, kMerges), HasSubstr("'the' has id -1"));
  vocabulary["the"] = "257";
  EXPECT_THAT(error_of_pair(vocabulary, kMerges), HasSubstr("the id of token 'the' is not an integer"));
  vocabulary["the"] = 257.5;
  EXPECT_THAT(error_of_pair(vocabulary, kMerges), HasSubstr("the id of token 'the' is not an integer"));
}

TEST(BpeFilesRefuse, AVocabularyThatIsNone) {
  EXPECT_THAT(error_of_pair(json::array({1, 2}), kMerges), HasSubstr("must be an object"));
  EXPECT_THAT(error_of_pair(json::object(), kMerges), HasSubstr("no token for byte 33"));
  json vocabulary = small_vocabulary();
  vocabulary.erase("Ġ");
  vocabulary["<x>"] = 220;
  EXPECT_THAT(error_of_pair(vocabulary, kMerges), HasSubstr("no token for byte 32 ('Ġ')"));
}

TEST(BpeFilesRefuse, MergesOfUnknownTokens) {
  EXPECT_THAT(error_of_pair(small_vocabulary(), "t h\nth e\nx y\n"), HasSubstr("merges.txt:3: token 'xy' is not in"));
  EXPECT_THAT(error_of_pair(small_vocabulary(), "t h\nqq e\n"), HasSubstr("merges.txt:2: token 'qq' is not in"));
  EXPECT_THAT(error_of_pair(small_vocabulary(), "t h\nth\xc3\xbf\xf0 e\n"), HasSubstr("outside the byte alphabet"));
}

TEST(BpeFilesRefuse, LinesThatAreNoMerge) {
  for (const char* line : {"th", "t h e", " h", "t ", "t  h"}) {
    EXPECT_THAT(error_of_pair(small_vocabulary(), str("t h\n", line, "\n")),
                HasSubstr("merges.txt:2: expected two tokens"))
        << line;
  }
}

TEST(BpeFilesRefuse, AMergeThatAppearsTwice) {
  EXPECT_THAT(error_of_pair(small_vocabulary(), "t h\nth e\nt h\n"),
              HasSubstr("merges.txt:3: the merge of 't' and 'h' appears twice"));
}

TEST(BpeFilesRefuse, TruncatedMerges) {
  EXPECT_THAT(error_of_pair(small_vocabulary(), "t h\n"), HasSubstr("no merge makes token 'the' (id 257"));
}

TEST(BpeFilesRefuse, AMissingHalf) {
  const TemporaryFolder folder;
  folder.write("vocab.json", small_vocabulary().dump());
  EXPECT_THAT(error_of([&] { load_tokenizer(folder.path()); }),
              AllOf(HasSubstr(folder.path()), HasSubstr("merges.txt")));
}

TEST(BpeFilesRefuse, AnEndOfTextThatIsNotSpecial) {
  const TemporaryFolder folder;
  folder.write("vocab.json", small_vocabulary().dump());
  folder.write("merges.txt", kMerges);
  folder.write("tokenizer_config.json", R"({"eos_token": {"content": "</end>"}})");
  EXPECT_THAT(error_of([&] { load_tokenizer(folder.path()); }), HasSubstr("'</end>' is not a special token"));
}

TEST(TokenizerJsonRefuses, OtherKindsByName) {
  for (const char* kind : {"Unigram", "WordLevel"}) {
    json file = small_tokenizer_json();
    file["model"]["type"] = kind;
    EXPECT_THAT(error_of_json(file), AllOf(HasSubstr("tokenizer.json"), HasSubstr(str("model.type ", kind))));
  }
  json file = small_tokenizer_json();
  file["pre_tokenizer"] = {{"type", "Metaspace"}};
  EXPECT_THAT(error_of_json(file), HasSubstr("pre_tokenizer Metaspace is not supported"));
  file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {{{"type", "Split"}}, {{"type", "ByteLevel"}}}}};
  EXPECT_THAT(error_of_json(file), HasSubstr("a sequence of several"));
  file = small_tokenizer_json();
  file["normalizer"] = {{"type", "NFC"}};
  EXPECT_THAT(error_of_json(file), HasSubstr("normalizer NFC is not supported"));
}

TEST(TokenizerJsonRefuses, SwitchesThatChangeTheIds) {
  for (const char* key : {"byte_fallback", "ignore_merges"}) {
    json file = small_tokenizer_json();
    file["model"][key] = true;
    EXPECT_THAT(error_of_json(file), HasSubstr(str("model.", key, " is true")));
  }
  json file = small_tokenizer_json();
  file["model"]["dropout"] = 0.1;
  EXPECT_THAT(error_of_json(file), HasSubstr("model.dropout is 0.1"));
  file = small_tokenizer_json();
  file["model"]["end_of_word_suffix"] = "</w>";
  EXPECT_THAT(error_of_json(file), HasSubstr("model.end_of_word_suffix"));
  file = small_tokenizer_json();
  file["pre_tokenizer"]["add_prefix_space"] = true;
  EXPECT_THAT(error_of_json(file), HasSubstr("pre_tokenizer.add_prefix_space is true"));
  file = small_tokenizer_json();
  file["added_tokens"][0]["special"] = false;
  EXPECT_THAT(error_of_json(file), HasSubstr("'<|endoftext|>' is not special"));
}

TEST(TokenizerJsonRefuses, MissingAndMistypedParts) {
  for (const char* key : {"model", "pre_tokenizer"}) {
    json file = small_tokenizer_json();
    file.erase(key);
    EXPECT_THAT(error_of_json(file), HasSubstr(key));
    file[key] = 5;
    EXPECT_THAT(error_of_json(file), HasSubstr("tokenizer.json"));
  }
  for (const char* key : {"vocab", "merges"}) {
    json file = small_tokenizer_json();
    file["model"].erase(key);
    EXPECT_THAT(error_of_json(file), HasSubstr(str("model.", key)));
  }
  json file = small_tokenizer_json();
  file["model"]["merges"][1] = 7;
  EXPECT_THAT(error_of_json(file), HasSubstr("model.merges[1]: expected two tokens"));
  file["model"]["merges"][1] = "the";
  EXPECT_THAT(error_of_json(file), HasSubstr("model.merges[1]"));
  EXPECT_THAT(error_of_json(json::array()), HasSubstr("must be an object"));
}

TEST(LoadTokenizer, NamesTheKindsItKnows) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { load_tokenizer(folder.path()); }),
              AllOf(HasSubstr("no tokenizer"), HasSubstr("tokenizer.json")));
  EXPECT_THAT(error_of([&] { load_tokenizer(folder.path() + "/nowhere"); }), HasSubstr("no such folder"));
}

TEST(TokenizerFolder, ReplacesATokenizerOfAnotherForm) {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", small_tokenizer_json().dump());
  const BpeTokenizer tokenizer(train_sample(300).model);
  save_tokenizer_folder(tokenizer, folder.path() + "/");
  EXPECT_EQ(load_tokenizer(folder.path())->digest(), tokenizer.digest());
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/tokenizer.json"));
}

TEST(TokenizerFolder, IsMadeWithItsParents) {
  const TemporaryFolder folder;
  const BpeTokenizer tokenizer(train_sample(300).model);
  save_tokenizer_folder(tokenizer, folder.path() + "/a/b");
  EXPECT_EQ(load_tokenizer(folder.path() + "/a/b")->digest(), tokenizer.digest());
  const auto entries = std::filesystem::directory_iterator(folder.path() + "/a");
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "something temporary was left";
}

TEST(TokenizerFolder, WithOtherFilesIsRefusedAndLeftAlone) {
  const TemporaryFolder folder;
  folder.write("thesis.txt", "years of work");
  const BpeTokenizer tokenizer(train_sample(300).model);
  EXPECT_THROW(save_tokenizer_folder(tokenizer, folder.path()), UsageError);
  EXPECT_THAT(error_of([&] { check_tokenizer_folder(folder.path()); }), HasSubstr("holds thesis.txt"));
  EXPECT_THAT(error_of([&] { check_tokenizer_folder(folder.path() + "/thesis.txt"); }), HasSubstr("is a file"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/vocab.json"));
}

}  // namespace
}  // namespace phalanx::data
