// manifest.json: written as one JSON object with a checksum over its own text, read key by key.
#include "data/manifest.h"

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/file.h"
#include "core/sha256.h"
#include "data/shard_format.h"

namespace phalanx::data {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxManifestBytes = std::int64_t{1} << 30;
constexpr std::int64_t kMaxCount = std::int64_t{1} << 56;  // no sum over files overflows

std::string path_of(const std::string& folder) { return (std::filesystem::path(folder) / "manifest.json").string(); }

json shard_to_json(const ShardEntry& shard) {
  json object = {{"name", shard.name},
                 {"bytes", shard.bytes},
                 {"tokens", shard.tokens},
                 {"documents", shard.documents},
                 {"token_offset", shard.token_offset},
                 {"metadata_crc32c", shard.metadata_crc},
                 {"chunk_crc32c", shard.chunk_crcs}};
  if (shard.sentences > 0) object["sentences"] = shard.sentences;
  return object;
}

json to_json(const Manifest& m) {
  json shards = json::array();
  for (const ShardEntry& shard : m.shards) shards.push_back(shard_to_json(shard));
  return {{"format", kManifestFormat},          {"source", m.source},
          {"tokenizer_kind", m.tokenizer_kind}, {"tokenizer_digest", m.tokenizer_digest},
          {"vocabulary", m.vocabulary},         {"end_of_text", m.end_of_text},
          {"special_tokens", m.special_tokens}, {"tokens", m.tokens},
          {"documents", m.documents},           {"text_bytes", m.text_bytes},
          {"token_counts", m.token_counts},     {"shards", shards}};
}

// Typed access to one JSON object of the manifest; errors name file and key.
class Fields {
 public:
  Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) throw Error(str(where_, ": must be an object"));
  }

  [[nodiscard]] const json& at(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) throw Error(str(where_, ": no key '", key, "'"));
    return *found;
  }
  [[nodiscard]] std::string text(const char* key) const {
    if (!at(key).is_string()) throw Error(str(where_, ": '", key, "' must be a string"));
    return at(key).get<std::string>();
  }
  [[nodiscard]] std::int64_t integer(const char* key, std::int64_t low, std::int64_t high) const {
    return checked(at(key), key, low, high);
  }
  [[nodiscard]] const json& array(const char* key) const {
    if (!at(key).is_array()) throw Error(str(where_, ": '", key, "' must be an array"));
    return at(key);
  }
  template <class T>
  [[nodiscard]] std::vector<T> integers(const char* key, std::int64_t high) const {
    std::vector<T> values;
    for (const json& value : array(key)) values.push_back(static_cast<T>(checked(value, key, 0, high)));
    return values;
  }
  [[nodiscard]] std::int64_t checked(const json& value, const char* key, std::int64_t low, std::int64_t high) const {
    const bool fits =
        value.is_number_integer() &&
        (!value.is_number_unsigned() || value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMaxCount));
    const std::int64_t number = fits ? value.get<std::int64_t>() : low - 1;
    if (number < low || number > high) {
      throw Error(str(where_, ": '", key, "' must be an integer from ", low, " to ", high));
    }
    return number;
  }

 private:
  const json& object_;
  std::string where_;
};

constexpr std::int64_t kMaxU32 = std::numeric_limits<std::uint32_t>::max();

void require_plain_name(const std::string& name, const std::string& where) {
  const bool is_plain = !name.empty() && name[0] != '.' && name.find_first_of(std::string("/\\\0", 3)) == name.npos;
  if (!is_plain) throw Error(str(where, ": '", name, "' is not a plain file name"));
}

ShardEntry shard_from_json(const json& object, std::int64_t bytes_per_token, const std::string& where) {
  const Fields fields(object, where);
  ShardEntry shard;
  shard.name = fields.text("name");
  require_plain_name(shard.name, where);
  shard.bytes = fields.integer("bytes", 0, kMaxCount);
  shard.tokens = fields.integer("tokens", 1, kMaxCount / 4);
  shard.documents = fields.integer("documents", 1, shard.tokens);
  if (object.contains("sentences")) shard.sentences = fields.integer("sentences", shard.documents, shard.tokens);
  shard.token_offset = fields.integer("token_offset", 0, shard.bytes);
  shard.metadata_crc = static_cast<std::uint32_t>(fields.integer("metadata_crc32c", 0, kMaxU32));
  shard.chunk_crcs = fields.integers<std::uint32_t>("chunk_crc32c", kMaxU32);
  const std::int64_t bytes = shard.tokens * bytes_per_token;
  if (bytes > shard.bytes - shard.token_offset) throw Error(str(where, ": more tokens than the file has bytes"));
  if (static_cast<std::int64_t>(shard.chunk_crcs.size()) != (bytes + kChunkBytes - 1) / kChunkBytes) {
    throw Error(str(where, ": 'chunk_crc32c' must have one entry per MiB of tokens"));
  }
  return shard;
}

void require_sums(const Manifest& m, const std::string& path) {
  // Stopping beyond the claimed total keeps forged numbers from overflowing.
  std::int64_t tokens = 0, counted = 0;
  for (std::size_t i = 0; i < m.shards.size() && tokens <= m.tokens; ++i) tokens += m.shards[i].tokens;
  for (std::size_t i = 0; i < m.token_counts.size() && counted <= m.tokens; ++i) counted += m.token_counts[i];
  if (tokens != m.tokens) throw Error(str(path, ": its shards hold ", tokens, " tokens, not ", m.tokens));
  const bool has_counts = !m.token_counts.empty();
  if (has_counts && (counted != m.tokens || static_cast<std::int64_t>(m.token_counts.size()) != m.vocabulary)) {
    throw Error(str(path, ": 'token_counts' must have ", m.vocabulary, " entries that sum to ", m.tokens));
  }
}

Manifest from_json(const json& object, const std::string& path) {
  const Fields fields(object, path);
  Manifest m;
  m.source = fields.text("source");
  m.tokenizer_kind = fields.text("tokenizer_kind");
  m.tokenizer_digest = fields.text("tokenizer_digest");
  m.vocabulary = fields.integer("vocabulary", 1, std::numeric_limits<std::int32_t>::max());
  m.end_of_text = fields.integer("end_of_text", -1, m.vocabulary - 1);
  const json& special = fields.at("special_tokens");
  if (!special.is_object()) throw Error(str(path, ": 'special_tokens' must be an object"));
  for (const auto& [text, id] : special.items()) {
    m.special_tokens[text] = fields.checked(id, "special_tokens", 0, m.vocabulary - 1);
  }
  m.tokens = fields.integer("tokens", 1, kMaxCount);
  m.documents = fields.integer("documents", 1, m.tokens);
  m.text_bytes = fields.integer("text_bytes", 0, kMaxCount);
  m.token_counts = fields.integers<std::int64_t>("token_counts", m.tokens);
  for (const json& shard : fields.array("shards")) {
    m.shards.push_back(shard_from_json(shard, m.token_bytes(), str(path, ": shard ", m.shards.size())));
  }
  for (const ShardEntry& shard : m.shards) {
    if ((shard.sentences > 0) != m.has_sentences()) throw Error(str(path, ": only some shards have 'sentences'"));
  }
  require_sums(m, path);
  return m;
}

}  // namespace

void write_manifest(const std::string& folder, const Manifest& manifest) {
  json object = to_json(manifest);
  object["checksum"] = sha256_hex(object.dump(-1, ' ', false, json::error_handler_t::replace));
  write_text(path_of(folder), object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

Manifest read_manifest(const std::string& folder) {
  const std::string path = path_of(folder);
  if (!std::filesystem::is_directory(folder)) throw UsageError(str(folder, ": no such folder of token shards"));
  if (!std::filesystem::exists(path)) {
    const std::filesystem::path train = std::filesystem::path(folder) / "train";
    const bool is_parent = std::filesystem::exists(train / "manifest.json");
    throw UsageError(str(folder, ": holds no manifest.json; ",
                         is_parent ? str("did you mean ", train.string(), "?")
                                   : "`phalanx data prepare` makes folders of token shards"));
  }
  json object = json::parse(read_text(path, kMaxManifestBytes), nullptr, false);
  const Fields fields(object, path);
  const std::int64_t format = fields.integer("format", 0, kMaxCount);
  if (format != kManifestFormat) {
    throw Error(str(path, ": format ", format, " is unknown; this program reads format ", kManifestFormat));
  }
  const std::string checksum = fields.text("checksum");
  object.erase("checksum");
  if (checksum != sha256_hex(object.dump(-1, ' ', false, json::error_handler_t::replace))) {
    throw Error(str(path, ": damaged or edited: its checksum does not match"));
  }
  return from_json(object, path);
}

std::string data_digest(const Manifest& manifest) {
  Sha256 sha;
  sha.update(manifest.tokenizer_digest);
  for (const ShardEntry& shard : manifest.shards) {
    sha.update(str("\n", shard.name, " ", shard.bytes, " ", shard.metadata_crc));
    for (const std::uint32_t crc : shard.chunk_crcs) sha.update(str(" ", crc));
  }
  return sha.hex_digest();
}

}  // namespace phalanx::data
