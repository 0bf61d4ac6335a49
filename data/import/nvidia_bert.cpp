// libhdf5 reads the rows in a process of its own; here they are checked and turned back into text.
#include "data/import/nvidia_bert.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "core/check.h"
#include "data/import/child_stream.h"
#include "data/import/hdf5_table.h"
#include "data/import/token_file.h"
#include "data/masked_lm.h"

namespace phalanx::data {
namespace {

// Data sets in the order in which their rows travel.
enum Part : std::uint8_t { kIds, kMask, kSegments, kPositions, kMaskedIds, kLabel, kParts };
constexpr std::array<const char*, kParts> kNames = {"input_ids",           "input_mask",    "segment_ids",
                                                    "masked_lm_positions", "masked_lm_ids", "next_sentence_labels"};

struct Shape {
  std::int64_t rows = 0;
  std::array<std::int64_t, kParts> columns{};
};

void require_columns(const std::string& path, const Shape& shape, Part part, Part like) {
  if (shape.columns[part] == shape.columns[like]) return;
  throw Error(str(path, ":/", kNames[part], ": rows of ", shape.columns[part], " numbers, but /", kNames[like], " has ",
                  shape.columns[like]));
}

Shape shape_of(const std::string& path, const std::vector<Hdf5Table>& tables) {
  Shape shape;
  shape.rows = tables[kIds].rows();
  for (std::size_t part = 0; part < kParts; ++part) {
    shape.columns[part] = tables[part].columns();
    if (tables[part].rows() != shape.rows) {
      throw Error(str(path, ":/", kNames[part], ": ", tables[part].rows(), " rows, but /input_ids has ", shape.rows));
    }
  }
  require_columns(path, shape, kMask, kIds);
  require_columns(path, shape, kSegments, kIds);
  require_columns(path, shape, kMaskedIds, kPositions);
  if (shape.columns[kLabel] != 1) throw Error(str(path, ":/next_sentence_labels: must have one number per row"));
  return shape;
}

// In the other process: the shape, then the rows.
void send(const std::string& path, const ChildStream::Write& write) {
  std::vector<Hdf5Table> tables;
  tables.reserve(kParts);
  for (const char* name : kNames) tables.emplace_back(path, name);
  const Shape shape = shape_of(path, tables);
  write(&shape, sizeof shape);
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    for (Hdf5Table& table : tables) {
      write(table.row(row), static_cast<std::size_t>(table.columns()) * sizeof(std::int32_t));
    }
  }
}

class Sequences {
 public:
  Sequences(const std::string& path, const MaskedVocabulary& vocabulary);
  void import(TokenSink& sink);

 private:
  void add(TokenSink& sink);
  std::size_t length() const;
  void unmask(std::size_t length);
  std::size_t begin_of_b(std::size_t length) const;
  void require(TokenId expected, std::size_t column, const char* name) const;
  [[nodiscard]] std::string place(Part part) const { return str(path_, ":/", kNames[part], ", row ", row_); }

  std::string path_;
  const MaskedVocabulary& vocabulary_;
  ChildStream stream_;
  Shape shape_;
  std::int64_t row_ = 0;
  std::array<std::vector<std::int32_t>, kParts> parts_;  // of the row
};

Sequences::Sequences(const std::string& path, const MaskedVocabulary& vocabulary)
    : path_(path), vocabulary_(vocabulary), stream_(path, [&](const ChildStream::Write& write) { send(path, write); }) {
  stream_.read(&shape_, sizeof shape_);
  for (std::size_t part = 0; part < kParts; ++part) {
    const std::int64_t columns = shape_.columns[part];
    ENSURE(columns >= 1 && columns <= Hdf5Table::kMaxColumns, path, ": rows of ", columns, " numbers");
    parts_[part].resize(static_cast<std::size_t>(columns));
  }
}

// Tokens of the row: ones of the mask, which end where the padding begins.
std::size_t Sequences::length() const {
  const std::vector<std::int32_t>& mask = parts_[kMask];
  const auto end = std::ranges::find_if(mask, [](std::int32_t m) { return m != 1; });
  if (std::any_of(end, mask.end(), [](std::int32_t m) { return m != 0; })) {
    throw Error(str(place(kMask), ": must be ones and then zeros"));
  }
  return static_cast<std::size_t>(end - mask.begin());
}

void Sequences::unmask(std::size_t length) {
  const std::vector<std::int32_t>& positions = parts_[kPositions];
  for (std::size_t i = 0; i < positions.size() && positions[i] != 0; ++i) {
    if (positions[i] < 0 || static_cast<std::size_t>(positions[i]) >= length) {
      throw Error(str(place(kPositions), ": position ", positions[i], " of a sequence of ", length, " tokens"));
    }
    parts_[kIds][static_cast<std::size_t>(positions[i])] = parts_[kMaskedIds][i];
  }
  const auto vocabulary = static_cast<std::int64_t>(vocabulary_.is_special.size());
  for (std::size_t column = 0; column < length; ++column) {
    const std::int32_t id = parts_[kIds][column];
    if (id < 0 || id >= vocabulary) refuse_id(str(place(kIds), ", column ", column), id, vocabulary);
  }
}

// Where segment ids turn from 0 to 1; `length` where they do not.
std::size_t Sequences::begin_of_b(std::size_t length) const {
  const std::span<const std::int32_t> segments(parts_[kSegments].data(), length);
  const auto b = std::ranges::find_if(segments, [](std::int32_t s) { return s != 0; });
  if (std::any_of(b, segments.end(), [](std::int32_t s) { return s != 1; })) {
    throw Error(str(place(kSegments), ": must be zeros and then ones"));
  }
  return static_cast<std::size_t>(b - segments.begin());
}

void Sequences::require(TokenId expected, std::size_t column, const char* name) const {
  const TokenId found = parts_[kIds][column];
  if (found == expected) return;
  throw Error(str(place(kIds), ", column ", column, ": id ", found, " where ", name, ", id ", expected,
                  " of the tokenizer, belongs: --tokenizer must be the one that made the tokens"));
}

void Sequences::add(TokenSink& sink) {
  const std::size_t tokens = length();
  if (tokens < 2) throw Error(str(place(kMask), ": ", tokens, " tokens; [CLS] and [SEP] are two"));
  unmask(tokens);
  const std::size_t b = begin_of_b(tokens);
  if (b < 2) throw Error(str(place(kSegments), ": the first segment has ", b, " tokens; [CLS] and [SEP] are two"));
  require(vocabulary_.cls, 0, "[CLS]");
  require(vocabulary_.sep, b - 1, "[SEP]");
  require(vocabulary_.sep, tokens - 1, "[SEP]");
  const std::int32_t label = parts_[kLabel][0];
  if (label != 0 && label != 1) throw Error(str(place(kLabel), ": label ", label, "; expected 0 or 1"));
  const std::span<const TokenId> ids(parts_[kIds]);
  sink.add(ids.subspan(1, b - 2));
  if (b < tokens) {
    if (label == 1) sink.end_document();
    sink.begin_sentence();
    sink.add(ids.subspan(b, tokens - 1 - b));
  }
  sink.end_document();
}

void Sequences::import(TokenSink& sink) {
  for (; row_ < shape_.rows; ++row_) {
    for (std::vector<std::int32_t>& part : parts_) stream_.read(part.data(), part.size() * sizeof(std::int32_t));
    add(sink);
  }
  stream_.finish();
}

}  // namespace

void import_nvidia_bert(const std::vector<std::string>& paths, const Tokenizer& tokenizer, TokenSink& sink) {
  const MaskedVocabulary vocabulary = masked_vocabulary(tokenizer, "--from nvidia_bert");
  for (const std::string& path : paths) Sequences(path, vocabulary).import(sink);
}

}  // namespace phalanx::data
