// Documents out of lines and blocks, and pieces out of documents.
#include "data/text_source.h"

#include <optional>

#include "core/check.h"
#include "data/json_record.h"
#include "data/line_reader.h"
#include "data/text_cut.h"
#include "data/text_files.h"
#include "data/utf8.h"

namespace phalanx::data {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;   // a document is cut when it is longer
constexpr std::size_t kMaxPieceBytes = std::size_t{1} << 20;  // cut there even between no words

// The last place in text[0, limit] that is not inside a UTF-8 character.
std::size_t character_boundary(std::string_view text, std::size_t limit) {
  std::size_t at = limit;
  while (at > limit - 3 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) --at;
  return at;
}

}  // namespace

TextSplit text_split_from_name(std::string_view name) {
  if (name == "file") return TextSplit::file;
  if (name == "blank_line") return TextSplit::blank_line;
  if (name == "line") return TextSplit::line;
  throw UsageError(str("--split must be file, blank_line or line, found '", name, "'"));
}

struct TextSource::State {
  TextOptions options;
  std::vector<TextFile> files;
  std::vector<std::string> names;
  TextCounts counts;

  std::size_t file = 0;  // being read, or next
  std::optional<LineReader> reader;
  bool file_was_delivered = false;        // with TextSplit::file
  std::int64_t finished_files_bytes = 0;  // read from files before

  bool open = false;     // a document is being delivered
  bool begins = false;   // and nothing of it has been
  bool ended = false;    // and all of it is in `document`
  std::string document;  // what is left of it
  std::size_t begin = 0;
  std::size_t searched = 0;  // bytes behind `begin` without a place to cut

  [[nodiscard]] std::string place() const { return str(names[file], ":", reader->line_number(), ": "); }
  [[nodiscard]] bool is_jsonl() const { return files[file].format == TextFormat::jsonl; }
  void open_reader();
  void close_reader();
  bool begin_document();
  bool begin_in_reader();
  void extend();
  std::size_t piece_bytes();
  bool next(TextPiece& piece);
};

void TextSource::State::open_reader() {
  reader.emplace(open_byte_stream(files[file].path, files[file].compression), names[file]);
  file_was_delivered = false;
}

void TextSource::State::close_reader() {
  finished_files_bytes += reader->file_bytes_read();
  reader.reset();
  ++file;
}

// Starts the next document; false when there are no more.
bool TextSource::State::begin_document() {
  document.clear();
  begin = searched = 0;
  ended = false;
  begins = true;
  while (true) {
    if (!reader && file == files.size()) return false;
    if (!reader) open_reader();
    if (begin_in_reader()) return true;
    close_reader();
  }
}

// Starts the next document of the open file; false at its end.
bool TextSource::State::begin_in_reader() {
  if (!is_jsonl() && options.split == TextSplit::file) {
    const bool is_first = !file_was_delivered;
    file_was_delivered = true;
    return is_first;
  }
  std::string_view line;
  do {
    if (!reader->next(line)) return false;
  } while (is_blank(line) && (is_jsonl() || options.split == TextSplit::blank_line));
  if (!is_jsonl()) {
    document = line;
    ended = options.split == TextSplit::line;
    return true;
  }
  try {
    extract_json_string(line, options.field, document);
  } catch (const Error& error) {
    throw Error(str(place(), error.what()));
  }
  ended = true;
  return true;
}

// Adds the next block or line to the open document, or finds its end.
void TextSource::State::extend() {
  if (begin > 0) document.erase(0, begin);
  begin = 0;
  if (options.split == TextSplit::file) {
    ended = !reader->next_block(document);
    return;
  }
  std::string_view line;
  ended = !reader->next(line) || is_blank(line);
  if (!ended) document.append("\n").append(line);
}

// Size of the next piece; reads as much of the document as that takes.
std::size_t TextSource::State::piece_bytes() {
  while (true) {
    const std::size_t size = document.size() - begin;
    if (ended && size <= kPieceBytes) return size;
    if (size > kPieceBytes) {
      const std::size_t cut = find_cut(std::string_view(document).substr(begin), searched, kPieceBytes);
      if (cut <= kMaxPieceBytes && cut < size) return cut;
      if (ended && size <= kMaxPieceBytes) return size;
      if (size > kMaxPieceBytes) return character_boundary(std::string_view(document).substr(begin), kMaxPieceBytes);
      searched = size - 2;  // what follows may allow a cut at the last bytes
    }
    extend();
  }
}

bool TextSource::State::next(TextPiece& piece) {
  while (open || begin_document()) {
    const std::size_t bytes = piece_bytes();
    piece.text.assign(document, begin, bytes);
    begin += bytes;
    searched = 0;
    piece.begins_document = begins;
    piece.ends_document = ended && begin == document.size();
    open = !piece.ends_document;
    begins = false;
    if (piece.begins_document && piece.ends_document && is_blank(piece.text)) {
      ++counts.empty_documents;
      continue;
    }
    counts.documents += piece.ends_document ? 1 : 0;
    counts.bytes += static_cast<std::int64_t>(bytes);
    counts.invalid_utf8 += count_invalid_utf8(piece.text);
    return true;
  }
  return false;
}

TextSource::TextSource(TextOptions options) : state_(std::make_unique<State>()) {
  state_->files = list_text_files(options.inputs);
  state_->options = std::move(options);
  for (const TextFile& file : state_->files) {
    state_->names.push_back(file.path == "-" ? "standard input" : file.path);
  }
}

TextSource::~TextSource() = default;

bool TextSource::next(TextPiece& piece) { return state_->next(piece); }

const TextCounts& TextSource::counts() const { return state_->counts; }

std::int64_t TextSource::file_bytes() const {
  std::int64_t bytes = 0;
  for (const TextFile& file : state_->files) bytes += file.bytes;
  return bytes;
}

std::int64_t TextSource::file_bytes_read() const {
  return state_->finished_files_bytes + (state_->reader ? state_->reader->file_bytes_read() : 0);
}

}  // namespace phalanx::data
