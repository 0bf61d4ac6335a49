// TextSource: a stream of documents from plain text and JSONL files, compressed or not, in bounded memory. What the
// tokenizers are trained on and what `data prepare` turns into tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace phalanx::data {

// Where one document of a plain text file ends. In JSONL a record is always a document.
enum class TextSplit { file, blank_line, line };

// "file", "blank_line", "line"; another name throws UsageError naming --split.
TextSplit text_split_from_name(std::string_view name);

struct TextOptions {
  // Files, folders (searched recursively, in sorted order, for .txt, .jsonl, .ndjson and their .gz and .zst), and "-":
  // JSONL on standard input. A file named here may have any suffix: .jsonl, .ndjson and .json are JSONL (one record
  // per line), others are plain text.
  std::vector<std::string> inputs;
  std::string field = "text";         // of a JSONL record: the string that holds the document
  TextSplit split = TextSplit::file;  // of plain text
};

// A piece of a document. Documents up to 256 KiB come whole. Longer ones are cut where the pretokenizer never joins
// text: before a space or line break that is followed by a character which is not white space. So encoding the pieces
// one by one gives the ids of the whole document. Only a run of 1 MiB without such a place, which is no language, is
// cut between any two characters.
struct TextPiece {
  std::string text;
  bool begins_document = true;
  bool ends_document = true;
};

struct TextCounts {
  std::int64_t documents = 0;        // ended, without the empty ones
  std::int64_t empty_documents = 0;  // nothing but white space; skipped
  std::int64_t bytes = 0;            // of text delivered
  std::int64_t invalid_utf8 = 0;     // ill-formed sequences in it; their bytes are delivered as they are
};

class TextSource {
 public:
  // Lists the files. Throws UsageError for a missing path, a folder without text, a .parquet file (naming the pipe that
  // turns it into JSONL) and other formats that are not text.
  explicit TextSource(TextOptions options);
  ~TextSource();
  TextSource(const TextSource&) = delete;
  TextSource& operator=(const TextSource&) = delete;

  // The next piece, in order; false at the end. Throws Error naming file and line: a malformed record, a record without
  // the field, a line longer than 32 MiB, damaged compression, a failed read.
  bool next(TextPiece& piece);

  [[nodiscard]] const TextCounts& counts() const;
  [[nodiscard]] std::int64_t file_bytes() const;       // of all files on disk, compressed as they are
  [[nodiscard]] std::int64_t file_bytes_read() const;  // of these, so far; for progress

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace phalanx::data
