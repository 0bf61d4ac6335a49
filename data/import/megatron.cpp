// The three arrays of the index are read side by side with the tokens; none of them is kept.
#include "data/import/megatron.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "core/check.h"
#include "core/file.h"
#include "data/import/token_file.h"

namespace phalanx::data {
namespace {

constexpr std::string_view kMagic("MMIDIDX\0\0", 9);
constexpr std::string_view kOldMagic("TNTIDX\0\0", 8);
constexpr std::int64_t kHeaderBytes = 34;

// What the header says and where the arrays begin, checked against the file's size.
struct Index {
  TokenType type = TokenType::u16;
  std::int64_t sequences = 0, documents = 0;  // entries
  std::int64_t lengths_at = 0, begins_at = 0, documents_at = 0;
};

template <class T>
T number_at(const std::array<char, kHeaderBytes>& header, std::size_t offset) {
  T value{};
  std::memcpy(&value, header.data() + offset, sizeof value);
  return value;
}

TokenType type_of(int code, const std::string& path) {
  switch (code) {
    case 1: return TokenType::u8;
    case 2: return TokenType::i8;
    case 3: return TokenType::i16;
    case 4: return TokenType::i32;
    case 5: return TokenType::i64;
    case 8: return TokenType::u16;
    case 6:
    case 7: throw Error(str(path, ", byte 17: type ", code, " is a float; tokens must be integers"));
    default: throw Error(str(path, ", byte 17: type ", code, " is unknown; types go from 1 to 8"));
  }
}

void require_magic(const File& file, std::int64_t bytes) {
  std::array<char, kMagic.size()> magic{};
  if (bytes >= static_cast<std::int64_t>(magic.size())) file.read(magic.data(), magic.size(), 0);
  const std::string_view found(magic.data(), magic.size());
  if (found.starts_with(kOldMagic)) {
    throw Error(str(file.path(),
                    ", byte 0: is an index of the older kind (TNTIDX); make it anew with Megatron's "
                    "preprocess_data.py"));
  }
  if (found != kMagic) throw Error(str(file.path(), ", byte 0: does not begin with MMIDIDX: no index of Megatron"));
  if (bytes < kHeaderBytes) {
    throw Error(str(file.path(), ": has ", bytes, " bytes, fewer than the ", kHeaderBytes, " of the header"));
  }
}

// A count that the header claims of things of `bytes_each`, of which `room` bytes are there.
std::int64_t checked_count(const std::string& place, std::uint64_t count, const char* what, std::int64_t bytes_each,
                           std::int64_t room) {
  if (count > static_cast<std::uint64_t>(room / bytes_each)) {
    throw Error(str(place, ": claims ", count, " ", what, ", of which the file has room for ", room / bytes_each));
  }
  return static_cast<std::int64_t>(count);
}

Index read_index(const File& file) {
  const std::string& path = file.path();
  const std::int64_t bytes = file.bytes();
  require_magic(file, bytes);
  std::array<char, kHeaderBytes> header{};
  file.read(header.data(), kHeaderBytes, 0);
  const auto version = number_at<std::uint64_t>(header, 9);
  if (version != 1) throw Error(str(path, ", byte 9: version ", version, " is unknown; expected 1"));
  Index index;
  index.type = type_of(number_at<std::uint8_t>(header, 17), path);
  std::int64_t room = bytes - kHeaderBytes;
  index.sequences =
      checked_count(str(path, ", byte 18"), number_at<std::uint64_t>(header, 18), "sequences", 4 + 8, room);
  room -= index.sequences * (4 + 8);
  index.documents =
      checked_count(str(path, ", byte 26"), number_at<std::uint64_t>(header, 26), "document entries", 8, room);
  if (index.documents < 1) throw Error(str(path, ", byte 26: claims no document entry; the least is one"));
  room -= index.documents * 8;
  if (room > 0 && room == index.sequences) {
    throw Error(str(path, ", byte ", bytes - room, ": stores modes of sequences, which text does not have"));
  }
  if (room != 0) throw Error(str(path, ": ", room, " bytes are left over after what the header names"));
  index.lengths_at = kHeaderBytes;
  index.begins_at = index.lengths_at + index.sequences * 4;
  index.documents_at = index.begins_at + index.sequences * 8;
  return index;
}

// One pair of files.
class MegatronFiles {
 public:
  MegatronFiles(const std::string& name, std::int64_t vocabulary)
      : file_(File::open_for_reading(name + ".idx")), index_(read_index(file_)), tokens_(name + ".bin", vocabulary) {}

  void import(TokenSink& sink);

 private:
  std::int64_t next_document_end(std::int64_t begin);
  void add_sequence(TokenSink& sink);
  [[nodiscard]] std::string byte(std::int64_t offset) const { return str(file_.path(), ", byte ", offset); }

  File file_;
  Index index_;
  TokenFile tokens_;
  ArrayReader<std::int32_t> lengths_{file_, index_.lengths_at, index_.sequences};
  ArrayReader<std::int64_t> begins_{file_, index_.begins_at, index_.sequences};
  ArrayReader<std::int64_t> documents_{file_, index_.documents_at, index_.documents};
  std::int64_t at_ = 0;  // byte of the tokens where the next sequence begins
};

// Sequences up to the end of the document that begins after `begin` of them.
std::int64_t MegatronFiles::next_document_end(std::int64_t begin) {
  const std::int64_t offset = documents_.offset();
  const std::int64_t end = documents_.next();
  if (end < begin || end > index_.sequences) {
    throw Error(str(byte(offset), ": a document ends after ", end, " sequences; the one before ended after ", begin,
                    ", and there are ", index_.sequences));
  }
  return end;
}

void MegatronFiles::add_sequence(TokenSink& sink) {
  const std::int64_t length_offset = lengths_.offset(), begin_offset = begins_.offset();
  const std::int64_t length = lengths_.next(), begin = begins_.next();
  if (begin != at_) {
    throw Error(str(byte(begin_offset), ": a sequence begins at byte ", begin,
                    " of the tokens, but the one before ends at ", at_));
  }
  const std::int64_t room = (tokens_.bytes() - at_) / bytes_of(index_.type);
  if (length < 0 || length > room) {
    throw Error(str(byte(length_offset), ": claims a sequence of ", length, " tokens, but ", tokens_.path(), " has ",
                    room, " from byte ", at_, " on"));
  }
  sink.begin_sentence();
  tokens_.for_each_block(index_.type, at_, length, [&](const std::vector<TokenId>& ids) { sink.add(ids); });
  at_ += length * bytes_of(index_.type);
}

void MegatronFiles::import(TokenSink& sink) {
  const std::int64_t offset = documents_.offset();
  const std::int64_t first = documents_.next();
  if (first != 0) throw Error(str(byte(offset), ": the first document begins at sequence ", first, ", not at 0"));
  std::int64_t sequence = 0;
  for (std::int64_t document = 1; document < index_.documents; ++document) {
    for (const std::int64_t end = next_document_end(sequence); sequence < end; ++sequence) add_sequence(sink);
    sink.end_document();
  }
  if (sequence != index_.sequences) {
    throw Error(str(byte(index_.documents_at + 8 * (index_.documents - 1)), ": the last document ends after ", sequence,
                    " sequences of ", index_.sequences));
  }
  if (at_ != tokens_.bytes()) {
    throw Error(str(tokens_.path(), ", byte ", at_, ": ", tokens_.bytes() - at_, " bytes follow the last sequence"));
  }
}

std::string without_suffix(const std::string& path) {
  const std::filesystem::path p(path);
  return p.extension() == ".idx" || p.extension() == ".bin" ? (p.parent_path() / p.stem()).string() : path;
}

}  // namespace

void import_megatron(const std::vector<std::string>& paths, const Tokenizer& tokenizer, TokenSink& sink) {
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    const std::string name = without_suffix(path);
    if (names.empty() || names.back() != name) names.push_back(name);  // NAME.bin NAME.idx is one
  }
  for (const std::string& name : names) static_cast<void>(MegatronFiles(name, tokenizer.vocabulary()));
  for (const std::string& name : names) MegatronFiles(name, tokenizer.vocabulary()).import(sink);
}

}  // namespace phalanx::data
