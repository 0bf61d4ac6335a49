#include "data/text_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "core/check.h"
#include "data/text_cut.h"
#include "tests/data/temporary_folder.h"

namespace phalanx::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TextSourceTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) { return folder_.write(name, bytes); }

  std::vector<std::string> documents(TextOptions options) {
    std::vector<std::string> found;
    TextSource source(std::move(options));
    TextPiece piece;
    while (source.next(piece)) {
      if (piece.begins_document) found.emplace_back();
      found.back() += piece.text;
      ++pieces_;
    }
    counts_ = source.counts();
    EXPECT_EQ(counts_.documents, static_cast<std::int64_t>(found.size()));
    EXPECT_EQ(source.file_bytes_read(), source.file_bytes());
    return found;
  }

  std::string error_of(TextOptions options) {
    try {
      documents(std::move(options));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder folder_;
  TextCounts counts_;
  int pieces_ = 0;
};

std::string gzip(const std::string& bytes) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, bytes.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);  // as the program zstd does
  out.resize(ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(context);
  return out;
}

// Text of `bytes` or a little more, without a period.
std::string long_text(std::size_t bytes) {
  std::string text;
  for (std::uint32_t i = 0; text.size() < bytes; ++i) {
    text += "word" + std::to_string(i * 2654435761U) + (i % 11 == 0 ? "\n" : " ");
  }
  return text;
}

TEST_F(TextSourceTest, SplitsPlainTextByFileBlankLineOrLine) {
  const std::string path = write("a.txt", "one\ntwo\r\n\n \nthree\n");
  EXPECT_THAT(documents({{path}, "text", TextSplit::file}), ElementsAre("one\ntwo\r\n\n \nthree\n"));
  EXPECT_THAT(documents({{path}, "text", TextSplit::blank_line}), ElementsAre("one\ntwo", "three"));
  EXPECT_THAT(documents({{path}, "text", TextSplit::line}), ElementsAre("one", "two", "three"));
  EXPECT_EQ(counts_.empty_documents, 2);
}

TEST_F(TextSourceTest, FoldersAreSearchedInSortedOrder) {
  write("b/x.jsonl", "{\"text\":\"b\"}\n\n{\"text\":\"c\"}");
  write("a.txt", "a");
  write("c.txt.gz", gzip("d") + gzip("e"));
  write("d.json.zst", zstd("{\"text\":\"f\"}\n") + zstd("{\"text\":\"g\"}\n"));
  write("notes.md", "not taken");
  write(".hidden/e.txt", "not taken");
  EXPECT_THAT(documents({{folder_.path()}}), ElementsAre("a", "b", "c", "de", "f", "g"));
  EXPECT_THAT(documents({{folder_.path() + "/notes.md"}}), ElementsAre("not taken"));
}

TEST_F(TextSourceTest, CompressedIsThatOfPlainAndDamageIsNamed) {
  const std::string text = long_text(3 << 20);
  EXPECT_THAT(documents({{write("a.txt", text)}}), ElementsAre(text));
  for (const auto& [name, bytes] : {std::pair{"a.txt.gz", gzip(text)}, std::pair{"a.txt.zst", zstd(text)}}) {
    const std::string path = write(name, bytes);
    EXPECT_THAT(documents({{path}}), ElementsAre(text));
    write(name, bytes.substr(0, bytes.size() / 2));
    EXPECT_THAT(error_of({{path}}), HasSubstr(path)) << "cut off";
    EXPECT_THAT(error_of({{path}}), HasSubstr("cut off"));
    std::string damaged = bytes;
    for (std::size_t i = 1000; i < 1010; ++i) damaged[i] = static_cast<char>(~damaged[i]);
    write(name, damaged);
    EXPECT_THAT(error_of({{path}}), HasSubstr("damaged"));
    write(name, "plain");
    EXPECT_THAT(error_of({{path}}), HasSubstr("damaged"));
  }
}

TEST_F(TextSourceTest, LongDocumentsComeInPiecesCutBetweenWords) {
  const std::string text = long_text(5 << 20);
  TextSource source({{write("a.txt", text)}});
  TextPiece piece;
  std::string all;
  std::size_t largest = 0;
  while (source.next(piece)) {
    if (!all.empty()) {
      EXPECT_TRUE(piece.text[0] == ' ' || piece.text[0] == '\n') << "cut before white space";
      EXPECT_EQ(piece.text[1], 'w');
    }
    EXPECT_EQ(piece.begins_document, all.empty());
    all += piece.text;
    EXPECT_EQ(piece.ends_document, all.size() == text.size());
    largest = std::max(largest, piece.text.size());
  }
  EXPECT_EQ(all, text);
  EXPECT_LE(largest, std::size_t{256} << 10);
}

TEST_F(TextSourceTest, CutsOnlyWherePretokensEnd) {
  const auto cut = [](std::string_view text) { return find_cut(text, 0, text.size()); };
  EXPECT_EQ(cut("ab\ncd"), 2U);
  EXPECT_EQ(cut("ab cd"), 2U);
  EXPECT_EQ(cut("ab\n\ncd"), 3U) << "before the last of a run";
  for (const char* joined : {"ab  ", "ab\n", "ab\n\n", "ab\tcd", "ab\n\u3000c", "ab\n\u00a0c", "abcd"}) {
    EXPECT_EQ(cut(joined), std::string_view(joined).size() + 1) << joined;
  }
  EXPECT_EQ(cut("字\n字"), 3U);
  EXPECT_EQ(find_cut("a b c d", 0, 4), 3U) << "the last within the limit";
  EXPECT_EQ(find_cut("aaaaaa b", 0, 2), 6U) << "else the first behind it";
}

TEST_F(TextSourceTest, TextWithoutAPlaceToCutIsCutBetweenCharacters) {
  std::string text = "x";
  while (text.size() < (std::size_t{5} << 20)) text += "字";
  TextSource source({{write("a.txt", text)}});
  TextPiece piece;
  std::string all;
  while (source.next(piece)) {
    EXPECT_LE(piece.text.size(), std::size_t{1} << 20);
    all += piece.text;
  }
  EXPECT_EQ(all, text);
  EXPECT_EQ(source.counts().documents, 1);
  EXPECT_EQ(source.counts().invalid_utf8, 0) << "no character was cut";
}

TEST_F(TextSourceTest, LinesBeyondMemoryAreRefusedNotKept) {
  const std::string path = write("a.txt", std::string(std::size_t{33} << 20, 'x'));
  EXPECT_THAT(error_of({{path}, "text", TextSplit::line}), HasSubstr(path + ":1: the line is longer than 32 MiB"));
}

TEST_F(TextSourceTest, JsonStringsAreDecoded) {
  const std::string path = write(
      "a.jsonl", R"({"id": [1, {"text": "x"}], "text": "a\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00\ud800!", "n": -1.5e+3}
{"meta":{},"list":[],"ok":[true,false,null,[[]]],"text":"first","text":"second"})");
  EXPECT_THAT(documents({{path}}), ElementsAre("a\"\\/\b\f\n\r\téé😀\ufffd!", "second"));
}

TEST_F(TextSourceTest, MalformedRecordsAreNamedByFileAndLine) {
  const char* bad[] = {"[]",
                       "{",
                       "{\"text\":\"x\"",
                       "{\"text\":\"x}",
                       "{\"text\":\"x\"} y",
                       "{\"text\":}",
                       "{text:\"x\"}",
                       "{\"text\":\"x\",}",
                       "{\"text\":\"\\x\"}",
                       "{\"text\":\"\\u12g4\"}",
                       "{\"a\":01}",
                       "{\"a\":[,]}",
                       "{\"a\":[1,]}",
                       "{\"a\":{\"b\"}}",
                       "{\"a\":nul}",
                       "x",
                       "{\"a\":1.}",
                       "{\"text\":\"x\ty\"}",
                       "{\"a\":[1}",
                       "{\"a\" 1}"};
  for (const char* record : bad) {
    const std::string path = write("a.jsonl", std::string("{\"text\":\"good\"}\n") + record + "\n");
    EXPECT_THAT(error_of({{path}}), HasSubstr(path + ":2: malformed JSON at column ")) << record;
  }
  std::string deep = "{\"a\":" + std::string(100000, '[');
  EXPECT_THAT(error_of({{write("a.jsonl", deep)}}), HasSubstr("nested deeper"));
}

TEST_F(TextSourceTest, MissingFieldNamesThoseThere) {
  const std::string path = write("a.jsonl", "{\"content\":\"x\",\"id\":1}\n");
  EXPECT_THAT(error_of({{path}}), HasSubstr(path + ":1: no field \"text\"; its fields: content, id"));
  EXPECT_THAT(error_of({{path}, "id"}), HasSubstr("field \"id\" is not a string"));
  EXPECT_THAT(documents({{path}, "content"}), ElementsAre("x"));
}

TEST_F(TextSourceTest, InvalidUtf8IsKeptAndCounted) {
  const std::string bytes = "a\xff b\xe2\x82 c\xc3\xa9 \xed\xa0\x80 \xf4\x90 \xf0\x9f\x98";
  EXPECT_THAT(documents({{write("a.txt", bytes)}}), ElementsAre(bytes));
  EXPECT_EQ(counts_.invalid_utf8, 1 + 1 + 3 + 2 + 1);  // Python's bytes.decode("utf-8", "replace") puts 8 U+FFFD
  EXPECT_THAT(documents({{write("b.jsonl", "{\"text\":\"a\xff\"}")}}), ElementsAre("a\xff"));
  EXPECT_EQ(counts_.invalid_utf8, 1);
}

TEST_F(TextSourceTest, ByteOrderMarksAreSkippedAndUtf16Refused) {
  EXPECT_THAT(documents({{write("a.txt", "\xEF\xBB\xBFx")}}), ElementsAre("x"));
  EXPECT_THAT(documents({{write("a.jsonl", "\xEF\xBB\xBF{\"text\":\"x\"}")}}), ElementsAre("x"));
  EXPECT_THAT(error_of({{write("b.txt", "\xFF\xFEx")}}), HasSubstr("UTF-16"));
}

TEST_F(TextSourceTest, OtherInputsAreRefusedNamingWhatHelps) {
  EXPECT_THAT(error_of({{folder_.path() + "/nothing"}}), HasSubstr("no such file or folder"));
  EXPECT_THAT(error_of({{folder_.path()}}), HasSubstr("holds no .txt, .jsonl"));
  EXPECT_THAT(error_of({{write("a.parquet", "PAR1")}}), HasSubstr("| phalanx data prepare --input -"));
  EXPECT_THAT(error_of({{folder_.path()}}), HasSubstr("is Parquet"));
  EXPECT_THAT(error_of({{write("a.xz", "")}}), HasSubstr("decompress"));
  EXPECT_THAT(error_of({{}}), HasSubstr("no input"));
  EXPECT_THAT(error_of({{"-", "-"}}), HasSubstr("named twice"));
  EXPECT_THAT([] { (void)text_split_from_name("word"); },
              testing::ThrowsMessage<UsageError>(HasSubstr("--split must be")));
}

}  // namespace
}  // namespace phalanx::data
