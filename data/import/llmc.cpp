// Header against size, then the stream cut where an end of text stands.
#include "data/import/llmc.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "core/check.h"
#include "core/file.h"
#include "core/log.h"
#include "data/import/token_file.h"

namespace phalanx::data {
namespace {

constexpr std::int64_t kHeaderBytes = 256 * 4;
constexpr std::int32_t kEvaluationMagic = 20240522;

struct Kind {
  std::int32_t magic, version;
  TokenType type;
};
constexpr Kind kKinds[] = {{20240520, 1, TokenType::u16}, {20240801, 7, TokenType::u32}};

struct Header {
  TokenType type = TokenType::u16;
  std::int64_t tokens = 0;
};

Kind kind_of(const std::string& path, std::int32_t magic, std::int32_t version) {
  const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return k.magic == magic; });
  if (magic == kEvaluationMagic) {
    throw Error(str(path, ", byte 0: magic ", magic, " is that of llm.c's multiple-choice files, which are no stream"));
  }
  if (kind == std::end(kKinds)) {
    throw Error(str(path, ", byte 0: magic ", magic, " is not llm.c's: expected ", kKinds[0].magic, " (uint16) or ",
                    kKinds[1].magic, " (uint32)"));
  }
  if (version != kind->version) {
    throw Error(str(path, ", byte 4: version ", version, " is unknown; with this magic it is ", kind->version));
  }
  return *kind;
}

Header read_header(const std::string& path) {
  const File file = File::open_for_reading(path);
  const std::int64_t bytes = file.bytes();
  if (bytes < kHeaderBytes) {
    throw Error(str(path, ": has ", bytes, " bytes, fewer than the ", kHeaderBytes, " of llm.c's header"));
  }
  std::array<std::int32_t, 3> header{};
  file.read(header.data(), sizeof header, 0);
  const Kind kind = kind_of(path, header[0], header[1]);
  const std::int64_t tokens = header[2];
  const std::int64_t expected = kHeaderBytes + tokens * bytes_of(kind.type);
  if (tokens < 0 || bytes != expected) {
    throw Error(str(path, ", byte 8: claims ", tokens, " tokens of ", bytes_of(kind.type), " bytes, but ",
                    bytes - kHeaderBytes, " bytes follow the header"));
  }
  return {kind.type, tokens};
}

// Returns how often the end of text stood there.
std::int64_t add(std::span<const TokenId> ids, TokenId end_of_text, TokenSink& sink) {
  std::int64_t ends = 0;
  while (!ids.empty()) {
    const auto end = std::find(ids.begin(), ids.end(), end_of_text);
    sink.add({ids.begin(), end});
    if (end == ids.end()) break;
    if (sink.document_is_open()) sink.end_document();
    ids = {end + 1, ids.end()};
    ++ends;
  }
  return ends;
}

}  // namespace

void import_llmc(const std::vector<std::string>& paths, const Tokenizer& tokenizer, TokenSink& sink) {
  const TokenId end_of_text = tokenizer.end_of_text();
  if (end_of_text < 0) {
    throw UsageError("--from llmc needs a tokenizer with an end of text, which parts the documents of these files");
  }
  for (const std::string& path : paths) read_header(path);  // all of them before hours of work
  std::int64_t ends = 0;
  for (const std::string& path : paths) {
    const Header header = read_header(path);
    TokenFile file(path, tokenizer.vocabulary());
    file.for_each_block(header.type, kHeaderBytes, header.tokens,
                        [&](const std::vector<TokenId>& ids) { ends += add(ids, end_of_text, sink); });
  }
  if (sink.document_is_open()) sink.end_document();
  if (ends == 0) {
    log::warning("the end of text, id ", end_of_text,
                 ", never occurs: all tokens are one document; is this the tokenizer that made them?");
  }
}

}  // namespace phalanx::data
